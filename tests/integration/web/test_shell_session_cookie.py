"""The session's cookie holds 32 random bytes, is bound to this host, and goes when the session does."""

from pathlib import Path

import pytest
from flask import Blueprint
from werkzeug.wrappers import Response

from tests.html import StrictClient
from tests.shell import SESSION_TOKEN, client_of, services_with, settings_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.web import access
from transfer_service.web.sessions import clear_session_cookie, set_session_cookie

cookies = Blueprint("cookies", __name__)


@cookies.get("/cookies/set")
@access.public("gives a cookie to the test")
def give() -> Response:
    response = Response("given", mimetype="text/plain")
    set_session_cookie(response, SESSION_TOKEN)
    return response


@cookies.get("/cookies/clear")
@access.public("takes the cookie from the test")
def take() -> Response:
    response = Response("taken", mimetype="text/plain")
    clear_session_cookie(response)
    return response


def client_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: str) -> tuple[StrictClient, list[bytes]]:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, cookies))
    settings = settings_in(folder, **changes)
    seen: list[bytes] = []
    services = services_with(settings, find_session=lambda token, request_id: seen.append(token))
    return client_of(create_app(settings, services)), seen


def test_the_cookie_comes_back_as_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, seen = client_in(tmp_path, monkeypatch)

    cookie = client.get("/cookies/set").headers["Set-Cookie"]
    client.get("/privacy")

    assert cookie == "session=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8; HttpOnly; Path=/; SameSite=Lax"
    assert seen == [SESSION_TOKEN]


def test_over_https_it_belongs_to_this_host_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = client_in(tmp_path, monkeypatch, BASE_URL="https://transfer.example.org", TRUSTED_PROXIES="1")

    cookie = client.get("/cookies/set").headers["Set-Cookie"]

    assert cookie.startswith("__Host-session=")
    assert set(cookie.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


def test_taking_it_away_has_the_browser_forget_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, seen = client_in(tmp_path, monkeypatch)
    client.get("/cookies/set")

    response = client.get("/cookies/clear")
    client.get("/privacy")

    assert "Max-Age=0" in response.headers["Set-Cookie"]
    assert seen == []
