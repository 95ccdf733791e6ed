"""Who may pass: the signed-in, with the permission that the view asks for; refusals leave a leaf."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from flask import Blueprint, Flask, jsonify
from sqlalchemy import text
from werkzeug.wrappers import Response

from tests.database import Database as Prepared
from tests.html import parse_page, text_of
from tests.shell import SESSION_TOKEN, client_of, person, services_with, settings_in, sign_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.db.session import Database
from transfer_service.domain.errors import NotFound, SessionEnded
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Role
from transfer_service.web import access
from transfer_service.web.current import current_actor
from transfer_service.web.people import SignedIn

doors = Blueprint("doors", __name__)


@doors.route("/doors/compliance", methods=["GET", "POST"])
@access.requires(Permission.COMPLIANCE_READ)
def compliance() -> Response:
    return jsonify(actor=str(current_actor().person_id))


@doors.get("/doors/named/<name>")
@access.signed_in
def named(name: str) -> Response:
    return Response(name)


@doors.get("/doors/hidden")
@access.signed_in
def hidden() -> Response:
    raise NotFound("transfer")


@doors.get("/doors/nobody")
@access.public("shows that a public view knows no actor")
def nobody() -> Response:
    try:
        current_actor()
    except SessionEnded:
        return jsonify(actor=None)
    return jsonify(actor="somebody")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, str]]:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, doors))
    return []


def app_for(folder: Path, role: Role, seen: list[tuple[bytes, str]], url: str | None = None) -> Flask:
    def find_session(token: bytes, request_id: str) -> SignedIn | None:
        seen.append((token, request_id))
        return person(role) if token == SESSION_TOKEN else None

    settings = settings_in(folder, **({"DATABASE_URL": url} if url else {}))
    return create_app(settings, services_with(settings, find_session=find_session))


def test_a_permission_lets_its_roles_in(tmp_path: Path, seen: list[tuple[bytes, str]]) -> None:
    client = client_of(app_for(tmp_path, Role.HEAD_OF_SERVICE, seen))
    sign_in(client)

    response = client.get("/doors/compliance")

    assert response.json == {"actor": str(UUID(int=1))}
    assert seen == [(SESSION_TOKEN, response.headers["X-Request-ID"])]


def test_who_is_not_signed_in_is_led_to_the_sign_in_page_and_back(
    tmp_path: Path, seen: list[tuple[bytes, str]]
) -> None:
    client = client_of(app_for(tmp_path, Role.HEAD_OF_SERVICE, seen))

    response = client.get("/doors/compliance?month=9")

    assert response.status_code == 303
    assert response.headers["Cache-Control"] == "no-store"
    parts = urlsplit(response.headers["Location"])
    assert (parts.path, parse_qs(parts.query)) == ("/sign-in", {"next": ["/doors/compliance?month=9"]})


@pytest.mark.parametrize("cookie", ["", "short", "a" * 43 + "!", "a" * 42, "é" * 43])
def test_a_cookie_that_is_no_session_is_not_even_looked_up(
    tmp_path: Path, seen: list[tuple[bytes, str]], cookie: str
) -> None:
    client = client_of(app_for(tmp_path, Role.HEAD_OF_SERVICE, seen))
    client.set_cookie("session", cookie)

    assert client.get("/doors/compliance").status_code == 303
    assert seen == []


def test_a_session_that_is_not_known_is_nobody(tmp_path: Path, seen: list[tuple[bytes, str]]) -> None:
    client = client_of(app_for(tmp_path, Role.HEAD_OF_SERVICE, seen))
    sign_in(client, bytes(32))

    assert client.get("/doors/compliance").status_code == 303


@pytest.mark.parametrize("address", ["/doors/compliance?month=%00", "/doors/compliance?%00=9", "/doors/named/a%00b"])
def test_an_address_with_a_nul_is_refused_before_a_database_that_takes_none_is_asked(
    tmp_path: Path, seen: list[tuple[bytes, str]], address: str
) -> None:
    client = client_of(app_for(tmp_path, Role.HEAD_OF_SERVICE, seen))
    sign_in(client)

    assert client.get(address.replace("%00", "")).status_code == 200
    assert client.get(address).status_code == 400


def test_a_public_view_acts_for_nobody(tmp_path: Path, seen: list[tuple[bytes, str]]) -> None:
    client = client_of(app_for(tmp_path, Role.HEAD_OF_SERVICE, seen))
    sign_in(client)

    assert client.get("/doors/nobody").json == {"actor": None}


@pytest.fixture
def leaves(database: Prepared) -> Iterator[Database]:
    opened = Database(database.url)
    yield opened
    opened.dispose()


def bodies(database: Database) -> list[dict[str, object]]:
    with database.reading() as session:
        found = session.execute(text("SELECT body FROM log_leaf ORDER BY idx")).scalars().all()
    return [json.loads(bytes(body)) for body in found]


def test_a_missing_permission_is_a_page_that_says_whom_to_ask_and_a_leaf(
    tmp_path: Path, seen: list[tuple[bytes, str]], leaves: Database
) -> None:
    client = client_of(app_for(tmp_path, Role.DESIGNATED_SAFEGUARDING_LEAD, seen, leaves.url))
    sign_in(client)

    response = client.get("/doors/compliance")

    page = parse_page(response.data)
    assert response.status_code == 403
    assert text_of(page, "h1") == "You cannot do this"
    assert "Ask a colleague whose role does" in text_of(page, "main")
    (leaf,) = bodies(leaves)
    assert (leaf["event"], leaf["actor"], leaf["basis"]) == ("access.refused", str(UUID(int=1)), "no_permission")


def test_what_the_actor_may_not_see_is_not_found_and_leaves_a_leaf(
    tmp_path: Path, seen: list[tuple[bytes, str]], leaves: Database
) -> None:
    client = client_of(app_for(tmp_path, Role.DESIGNATED_SAFEGUARDING_LEAD, seen, leaves.url))
    sign_in(client)

    response = client.get("/doors/hidden")

    assert response.status_code == 404
    assert [leaf["event"] for leaf in bodies(leaves)] == ["access.refused"]


def test_the_refusal_stands_where_its_leaf_cannot_be_written(tmp_path: Path, seen: list[tuple[bytes, str]]) -> None:
    # This database has no tables, so that nothing can be recorded.
    client = client_of(app_for(tmp_path, Role.DESIGNATED_SAFEGUARDING_LEAD, seen))
    sign_in(client)

    assert client.get("/doors/compliance").status_code == 403
