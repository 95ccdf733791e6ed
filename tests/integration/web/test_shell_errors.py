"""Every failure is a page that says what to do next and shows nothing of what went wrong inside."""

import errno
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Blueprint, Flask, abort, request
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from config.logging import configure_logging
from tests.html import parse_page, text_of
from tests.shell import client_of, person, services_with, settings_in, sign_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.audit.errors import LogInconsistent
from transfer_service.domain.errors import NeedsSecondFactor, OutcomeUnknown, TooManyAttempts, Unavailable
from transfer_service.storage.errors import StorageUnavailable
from transfer_service.web import access

faults = Blueprint("faults", __name__)
PUPIL = "Zephyrine Quill"


@faults.route("/faults/<kind>", methods=["GET", "POST"])
@access.public("fails in every way that a view can")
def fail(kind: str) -> Response:
    if kind.isdigit():
        abort(int(kind))
    errors: dict[str, Exception] = {
        "bug": ValueError(f"cannot parse {PUPIL}"),
        "outage": OperationalError(f"SELECT {PUPIL}", {}, ConnectionError(PUPIL)),
        "busy": Unavailable(45),
        "uncertain": OutcomeUnknown(),
        "often": TooManyAttempts(60),
        "code": NeedsSecondFactor(),
        "inconsistent": LogInconsistent("What is stored of the log does not fit together."),
    }
    if kind == "full":
        raise StorageUnavailable from OSError(errno.ENOSPC, f"No space left for {PUPIL}")
    raise errors[kind]


@faults.post("/faults/form")
@access.signed_in
def form() -> Response:
    return Response(request.form["text"], mimetype="text/plain")


@pytest.fixture(autouse=True)
def _faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, faults))


def app_in(folder: Path, **changes: Any) -> Flask:
    settings = settings_in(folder)
    return create_app(settings, services_with(settings, **changes))


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log's lines, as the service writes them."""
    root = logging.getLogger()
    handlers, level, loud = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = loud
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (400, "The request could not be read"),
        (403, "You cannot do this"),
        (404, "Page not found"),
        (405, "This page cannot be used that way"),
        (409, "Somebody else changed this"),
        (413, "What you sent is too large"),
        (418, "The request could not be read"),
        (422, "There is a problem with what was entered"),
        (429, "Too many requests"),
        (500, "Something went wrong"),
        (502, "Something went wrong"),
        (503, "The service is busy"),
    ],
)
def test_each_status_has_its_page(tmp_path: Path, status: int, title: str) -> None:
    response = client_of(app_in(tmp_path)).get(f"/faults/{status}")

    page = parse_page(response.data)
    assert response.status_code == status
    assert text_of(page, "h1") == title
    assert f"Reference for support: {response.headers['X-Request-ID']}" in text_of(page, "main")
    assert response.headers["Cache-Control"] == "no-store"


def test_an_address_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    assert client_of(app_in(tmp_path)).get("/nowhere/at/all").status_code == 404


def test_a_wrong_method_names_the_right_ones(tmp_path: Path) -> None:
    response = client_of(app_in(tmp_path)).delete("/health")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_error_of_ours_shows_nothing_and_logs_its_type_and_frames_alone(tmp_path: Path, lines: io.StringIO) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/bug")

    assert response.status_code == 500
    assert "Zephyrine" not in response.text
    assert "ValueError" not in response.text
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    (fault,) = [line for line in logged if line["event"] == "unforeseen error"]
    assert fault["error"] == "ValueError"
    assert fault["request_id"] == response.headers["X-Request-ID"]
    assert "Zephyrine" not in lines.getvalue()


def test_a_database_that_does_not_answer_is_a_503_with_a_way_to_try_again(tmp_path: Path, lines: io.StringIO) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/outage?page=2")

    page = parse_page(response.data)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert "Nothing was changed. Try again in a moment." in text_of(page, "main")
    assert "/faults/outage?page=2" in [one.get("href") for one in page.iter("a")]
    assert "Zephyrine" not in lines.getvalue()


def test_the_page_about_an_outage_needs_no_session(tmp_path: Path) -> None:
    def broken(token: bytes, request_id: str) -> None:
        raise OperationalError("SELECT", {}, ConnectionError())

    client = client_of(app_in(tmp_path, find_session=broken))
    sign_in(client)

    assert client.get("/privacy").status_code == 503
    assert client.get("/nowhere").status_code == 404


def test_a_form_that_meets_an_outage_loses_nothing(tmp_path: Path) -> None:
    client = client_of(app_in(tmp_path, find_session=lambda token, request_id: person()))
    sign_in(client)

    response = client.post_form("/faults/busy", {"text": "two\r\nlines"}, page="/accessibility")

    page = parse_page(response.data)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "45")
    form = next(one for one in page.iter("form") if one.get("action") == "/faults/busy")
    assert [one.text for one in form.iter("textarea")] == ["two\nlines"]


def test_of_what_may_have_been_recorded_nobody_says_that_it_was_not(tmp_path: Path) -> None:
    client = client_of(app_in(tmp_path, find_session=lambda token, request_id: person()))
    sign_in(client)

    response = client.post_form("/faults/uncertain", {"text": "two\r\nlines"}, page="/accessibility")

    page = parse_page(response.data)
    assert (response.status_code, text_of(page, "h1")) == (503, "This may have been recorded, or not")
    assert "Look whether it was before you do it again." in text_of(page, "main")
    assert "Nothing was changed" not in text_of(page, "main")
    assert [one.text for one in page.iter("textarea")] == ["two\nlines"]


def test_a_full_disk_is_named_in_the_log_and_not_on_the_page(tmp_path: Path, lines: io.StringIO) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/full")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "The store of sealed files does not answer just now." in text_of(parse_page(response.data), "main")
    (line,) = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["event"] == "part not available"]
    assert (line["error"].rpartition(".")[2], line["codes"]) == ("StorageUnavailable", ["ENOSPC"])
    assert "Zephyrine" not in lines.getvalue()


def test_a_log_that_does_not_fit_together_is_told_to_who_runs_the_service_too(
    tmp_path: Path, lines: io.StringIO
) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/inconsistent")

    assert response.status_code == 409
    assert "What is stored of the log does not fit together." in text_of(parse_page(response.data), "main")
    said = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["event"] == "log needs an operator"]
    assert [line["error"].rpartition(".")[2] for line in said] == ["LogInconsistent"]


def test_a_limit_says_when_to_try_again(tmp_path: Path) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/often")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")


def test_a_session_that_waits_for_its_code_is_led_to_it(tmp_path: Path) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/code")

    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/code")


def test_a_script_is_told_in_json(tmp_path: Path) -> None:
    response = client_of(app_in(tmp_path)).get("/faults/busy", headers={"Accept": "application/json"})

    assert response.mimetype == "application/problem+json"
    assert response.json == {
        "type": "about:blank",
        "title": "The service cannot do this just now",
        "status": 503,
        "detail": "The service cannot do this just now. Nothing was changed. Try again in 45 seconds.",
        "request_id": response.headers["X-Request-ID"],
    }


def test_a_form_posted_after_the_session_ended_waits_on_the_page(tmp_path: Path) -> None:
    client = client_of(app_in(tmp_path))
    sign_in(client)

    response = client.post("/faults/form", data={"text": "long note"}, headers={"Sec-Fetch-Site": "same-origin"})

    page = parse_page(response.data)
    assert response.status_code == 401
    assert text_of(page, "h1") == "You have been signed out"
    form = next(one for one in page.iter("form") if one.get("action") == "/faults/form")
    assert ("text", "long note") in [(one.get("name"), one.get("value")) for one in form.iter("input")]
    assert "/sign-in" in [one.get("href") for one in page.iter("a")]


def test_a_form_posted_after_the_session_ended_is_sealed_to_its_author_where_that_is_possible(tmp_path: Path) -> None:
    held: list[tuple[bytes, str, bytes]] = []

    def hold_form(token: bytes, path: str, body: bytes) -> bool:
        held.append((token, path, body))
        return True

    client = client_of(app_in(tmp_path, hold_form=hold_form))
    sign_in(client)

    response = client.post("/faults/form", data={"text": "é note"}, headers={"Sec-Fetch-Site": "same-origin"})

    assert held == [(bytes(range(32)), "/faults/form", b"text=%C3%A9+note")]
    assert "What you typed is kept, sealed, for an hour." in response.text
    assert "é note" not in response.text


def test_a_form_that_cannot_be_sealed_is_still_kept_on_the_page(tmp_path: Path) -> None:
    def broken(token: bytes, path: str, body: bytes) -> bool:
        raise OperationalError("INSERT", {}, ConnectionError())

    client = client_of(app_in(tmp_path, hold_form=broken))
    sign_in(client)

    response = client.post("/faults/form", data={"text": "note"}, headers={"Sec-Fetch-Site": "same-origin"})

    assert response.status_code == 401
    assert "Send again" in response.text


def test_when_even_the_error_page_fails_a_bare_page_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **context: object) -> str:
        raise RuntimeError("no templates")

    monkeypatch.setattr("transfer_service.web.errors.render_template", broken)
    app = app_in(tmp_path)

    response = app.test_client().get("/faults/500")

    assert response.status_code == 500
    assert text_of(parse_page(response.data), "h1") == "Something went wrong"
