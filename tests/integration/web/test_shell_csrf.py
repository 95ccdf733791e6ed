"""A request that changes something must show the token that this browser was given for this session."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from flask import Blueprint, Flask, request
from werkzeug.wrappers import Response

from tests.html import StrictClient, parse_page, text_of
from tests.shell import client_of, person, services_with, settings_in, sign_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.domain.permissions import Permission
from transfer_service.web import access

OTHER_SESSION = bytes(range(100, 132))
acts = Blueprint("acts", __name__)


@acts.post("/acts")
@access.signed_in
def act() -> Response:
    return Response("|".join(request.form.getlist("text")), mimetype="text/plain")


@acts.post("/acts/of-a-role")
@access.requires(Permission.PUPIL_RECORD)
def act_of_a_role() -> Response:
    return Response("done", mimetype="text/plain")


@acts.post("/acts/machine")
@access.public("shows that a call without a browser needs no token", machine=True)
def machine() -> Response:
    return Response("done", mimetype="text/plain")


@acts.post("/acts/sign-in")
@access.public("shows that a form before signing in is protected too")
def before() -> Response:
    return Response("done", mimetype="text/plain")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, acts))
    settings = settings_in(tmp_path)
    return create_app(settings, services_with(settings, find_session=lambda token, request_id: person()))


@pytest.fixture
def client(app: Flask) -> StrictClient:
    made = client_of(app)
    sign_in(made)
    return made


def fields_of(response_data: bytes) -> list[tuple[str, str]]:
    page = parse_page(response_data)
    form = next(one for one in page.iter("form") if one.get("action") == "/acts")
    found = [(one.get("name") or "", one.get("value") or "") for one in form.iter("input")]
    return found + [(one.get("name") or "", one.text or "") for one in form.iter("textarea")]


def test_with_the_token_in_the_form_the_act_is_done(client: StrictClient) -> None:
    assert client.post_form("/acts", {"text": "x"}, page="/accessibility").text == "x"


def test_the_token_may_come_by_header_or_address(client: StrictClient) -> None:
    token = client.token()

    assert client.post("/acts", headers={"X-CSRF-Token": token}).status_code == 200
    assert client.post(f"/acts?csrf_token={token}").status_code == 200


@pytest.mark.parametrize("token", ["", "forged", "a.b.c"])
def test_without_the_right_token_nothing_is_done(client: StrictClient, token: str) -> None:
    client.token()

    response = client.post("/acts", data={"text": "x", "csrf_token": token})

    assert response.status_code == 400
    assert "Nothing was changed." in text_of(parse_page(response.data), "main")


def test_a_token_of_another_session_is_worth_nothing(client: StrictClient) -> None:
    token = client.token()
    sign_in(client, OTHER_SESSION)

    assert client.post("/acts", data={"csrf_token": token}).status_code == 400


def test_a_token_without_the_browsers_cookie_is_worth_nothing(app: Flask, client: StrictClient) -> None:
    token = client.token()
    elsewhere = client_of(app)
    sign_in(elsewhere)

    assert elsewhere.post("/acts", data={"csrf_token": token}).status_code == 400


def test_a_form_made_for_one_place_is_not_taken_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, acts))
    settings = settings_in(tmp_path)
    behind = {"cookie": person()}
    made = client_of(create_app(settings, services_with(settings, find_session=lambda *asked: behind["cookie"])))
    sign_in(made)
    token = made.token()
    actor = behind["cookie"].actor
    behind["cookie"] = replace(behind["cookie"], actor=replace(actor, organisation_id=UUID(int=77)))

    refused = made.post("/acts/of-a-role", data={"csrf_token": token})

    assert refused.status_code == 400
    assert "chose another school to act for" in text_of(parse_page(refused.data), "main")
    assert made.post("/acts", data={"csrf_token": token}).status_code == 200  # what is about the person alone
    assert made.post("/acts/of-a-role", data={"csrf_token": made.token()}).status_code == 200


@pytest.mark.parametrize("place", ["", "0" * 16, "é"])
def test_a_token_without_its_place_is_worth_nothing_for_an_act_of_a_role(client: StrictClient, place: str) -> None:
    token = client.token().partition("~")[0]

    assert client.post("/acts/of-a-role", data={"csrf_token": f"{token}~{place}"}).status_code == 400


@pytest.mark.parametrize("page", ["/acts", "/acts?csrf_token={token}"])
def test_a_form_of_very_many_fields_is_refused_before_anything_is_read_from_it(client: StrictClient, page: str) -> None:
    token = client.token()
    few, many = ({"csrf_token": token} | {f"f{number}": "" for number in range(count)} for count in (399, 400))

    assert client.post(page.format(token=token), data=few).status_code == 200
    assert client.post(page.format(token=token), data=many).status_code == 413


def test_a_form_before_signing_in_is_protected_too(app: Flask) -> None:
    assert client_of(app).post("/acts/sign-in").status_code == 400


def test_a_call_without_a_browser_needs_none(app: Flask) -> None:
    assert client_of(app).post("/acts/machine").text == "done"


def test_what_was_typed_into_a_page_that_was_out_of_date_can_be_sent_again(client: StrictClient) -> None:
    client.token()

    refused = client.post(
        "/acts",
        data={"text": ["one <b>", "two\r\nlines"], "csrf_token": "old"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    fields = fields_of(refused.data)
    again = client.post("/acts", data=_as_data(fields))

    assert ("text", "one <b>") in fields
    assert sorted(again.text.replace("\r\n", "\n").split("|")) == ["one <b>", "two\nlines"]


def test_another_sites_form_is_not_offered_again(client: StrictClient) -> None:
    refused = client.post("/acts", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    unsaid = client.post("/acts", data={"text": "x"}, headers={"Origin": "https://evil.example"})

    for response in (refused, unsaid):
        assert "Send again" not in response.text


def test_an_older_browser_says_by_its_origin_that_the_page_was_ours(client: StrictClient) -> None:
    refused = client.post("/acts", data={"text": "x"}, headers={"Origin": "http://localhost"})

    assert "Send again" in refused.text


def test_a_form_with_a_password_is_not_given_back(client: StrictClient) -> None:
    refused = client.post(
        "/acts", data={"text": "x", "new_password": "hunter2"}, headers={"Sec-Fetch-Site": "same-origin"}
    )

    assert "hunter2" not in refused.text
    assert "Send again" not in refused.text


def _as_data(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    data: dict[str, list[str]] = {}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    return data
