"""The application without accounts, with made-up sessions: for tests of the frame around the pages."""

import base64
import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.serving import make_server

from config.settings import NEEDS_WEB, Settings
from tests.html import StrictClient
from transfer_service.app import build_services
from transfer_service.db.session import Database
from transfer_service.domain.roles import Actor, OrganisationKind, Role
from transfer_service.web.current import Services
from transfer_service.web.people import SignedIn

NOW = datetime(2026, 9, 3, 13, 5, tzinfo=UTC)
SESSION_TOKEN = bytes(range(32))
OPENED: list[Database] = []


def key(start: int) -> str:
    """32 bytes in base 64, counted up from `start`."""
    return base64.b64encode(bytes(range(start, start + 32))).decode()


def environ(folder: Path, **changes: str) -> dict[str, str]:
    """The variables of a small installation in `folder`."""
    given = {
        "DATABASE_URL": f"sqlite:///{folder}/transfer.db",
        "DATA_DIR": str(folder),
        "DEPLOYMENT": "test-shell",
        "SECRET_KEY": "b6u0Zq9yXr4tWm2kLp8vNs5cJd7fHg3a",
        "FIELD_KEYS": f"1:{key(0)}",
        "PEPPERS": f"1:{key(32)}",
        "SMTP_URL": "smtps://mail.example.org",
        "MAIL_FROM": "alerts@example.org",
    }
    return {f"TRANSFER_SERVICE_{name}": text for name, text in {**given, **changes}.items()}


def settings_in(folder: Path, **changes: str) -> Settings:
    """Its settings, as the web server asks for them."""
    return Settings.from_mapping(environ(folder, **changes), NEEDS_WEB)


def person(role: Role = Role.DESIGNATED_SAFEGUARDING_LEAD, **changes: Any) -> SignedIn:
    """Somebody signed in at a made-up organisation of the kind that the role belongs to."""
    kind = {
        Role.HEAD_OF_SERVICE: OrganisationKind.AUTHORITY,
        Role.AUTHORITY_OFFICER: OrganisationKind.AUTHORITY,
        Role.ADMINISTRATOR: OrganisationKind.INSTALLATION,
    }.get(role, OrganisationKind.SCHOOL)
    actor = Actor(
        person_id=UUID(int=1),
        organisation_id=UUID(int=2) if kind is not OrganisationKind.INSTALLATION else None,
        organisation_kind=kind,
        roles=frozenset({role}),
        session_id=UUID(int=3),
        request_id="0190-test",
    )
    known = SignedIn(
        actor=actor,
        person_name="Ada Example",
        role_label="Designated safeguarding lead",
        organisation_name="Oak Lane Primary School",
        organisation_place="Rugby, Warwickshire, URN 125000",
        expires_at=NOW + timedelta(minutes=30),
        ends_at=NOW + timedelta(hours=8),
        token=SESSION_TOKEN,
    )
    return dataclasses.replace(known, **changes)


def services_with(settings: Settings, **changes: Any) -> Services:
    """What `build_services` makes, with a standing clock and parts replaced."""
    made = build_services(settings)
    OPENED.append(made.database)
    installation = dataclasses.replace(made.installation, now=lambda: NOW)
    # No accounts, and no question to the database on every page: unit tests have none.
    without: dict[str, Any] = {
        "is_log_frozen": lambda: False,
        "find_session": lambda _token, _request_id: None,
        "hold_form": lambda _token, _path, _body: False,
    }
    return dataclasses.replace(made, installation=installation, **{**without, **changes})


def close_databases() -> None:
    """Close what `services_with` opened: a connection left to the garbage collector is a warning, and so an error."""
    while OPENED:
        OPENED.pop().dispose()


def cookie_of(token: bytes = SESSION_TOKEN) -> str:
    """The cookie's text for a session's bytes."""
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def sign_in(client: StrictClient, token: bytes = SESSION_TOKEN) -> None:
    """Give the client the cookie of a session."""
    client.set_cookie("session", cookie_of(token))


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application on this machine, in threads, and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client_of(app: Flask) -> StrictClient:
    """A strict client of the application."""
    app.test_client_class = StrictClient
    client = app.test_client()
    assert isinstance(client, StrictClient)
    return client
