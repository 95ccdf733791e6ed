"""The cast with the real application over their database, and browsers that sign in as a person would."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.cast import Cast, Member, Service, new_service
from tests.html import StrictClient
from tests.shell import client_of, cookie_of, services_with, settings_in
from transfer_service.app import create_app
from transfer_service.crypto.peppers import PepperSet
from transfer_service.db.models import Alert
from transfer_service.db.session import Database
from transfer_service.use_cases.equipment import Equipment
from transfer_service.web.account.lookups import form_holder, session_finder


@pytest.fixture(params=["sqlite"])
def cast_and_service(
    request: pytest.FixtureRequest, cast_template: Callable[[str], Any], run_folder: Path, tmp_path: Path
) -> Iterator[tuple[Cast, Service]]:
    """The cast on SQLite alone: the pages differ in no statement."""
    template = cast_template("sqlite")
    path = tmp_path / "cast.db"
    shutil.copyfile(template.source, path)
    database = Database(f"sqlite:///{path}")
    try:
        yield template.cast, new_service(database)
    finally:
        database.dispose()


@dataclass
class Browser:
    """One person's browser."""

    client: StrictClient
    service: Service

    def page(self, address: str, status: int = 200) -> str:
        """The text of a page that answers with `status`."""
        response = self.client.get(address)
        assert response.status_code == status, (address, response.status_code, response.headers.get("Location"))
        return response.text

    def post(self, address: str, data: dict[str, Any] | None = None, *, page: str | None = None) -> TestResponse:
        """Post a form from the page that it stands on."""
        return self.client.post_form(address, data, page=page)

    def follow(self, response: TestResponse) -> TestResponse:
        """Go where a redirect leads, to the page at its end."""
        while response.status_code == 303:
            response = self.client.get(response.headers["Location"])
        return response

    def give_password(self, member: Member, *, address: str = "/sign-in", password: str | None = None) -> TestResponse:
        """The first page of signing in."""
        return self.post(address, {"email": member.email, "password": password or member.password})

    def sign_in(self, member: Member, *, address: str = "/sign-in") -> TestResponse:
        """Password and code, half a minute after the last code was used; returns the last answer."""
        self.service.clock.move(seconds=30)
        response = self.give_password(member, address=address)
        assert response.status_code == 303, response.text
        code_page = response.headers["Location"]
        assert code_page.startswith("/sign-in/code"), code_page
        return self.post(code_page, {"code": member.code(self.service)})

    def resume(self, member: Member) -> Browser:
        """Have the session that the cast began."""
        self.client.set_cookie("session", cookie_of(member.cookie))
        return self


@pytest.fixture
def app(service: Service, tmp_path: Path) -> Flask:
    settings = settings_in(tmp_path)
    made = services_with(
        settings,
        find_session=session_finder(service.database, service.at),
        hold_form=form_holder(service.database, service.at),
        database=service.database,
    )
    wired = dataclasses.replace(
        made,
        installation=service.at,
        equipment=Equipment(peppers=PepperSet({1: b"\x02" * 32}), storage=made.equipment.storage),
    )
    return create_app(settings, wired)


@pytest.fixture
def new_browser(app: Flask, service: Service) -> Callable[[], Browser]:
    """Make another browser."""
    return lambda: Browser(client=client_of(app), service=service)


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


@pytest.fixture
def newest_link(service: Service) -> Callable[[UUID], str]:
    """The path of the link in the newest mail to a person."""

    def find(person_id: UUID) -> str:
        with service.database.reading() as session:
            alert = session.scalars(
                select(Alert).where(Alert.person_id == person_id).order_by(Alert.created_at.desc(), Alert.id.desc())
            ).first()
            assert alert is not None
            assert alert.secret is not None
            return service.at.field_keys.open_text(alert.secret, table="alert", column="secret", row=alert.id)

    return find


def secret_on(page: str) -> str:
    """The seed of an authenticator app, as it stands on the page to be typed."""
    found = re.search(r'id="secret-letters">([A-Z2-7 ]+)<', page)
    assert found, "no secret on the page"
    return found[1].replace(" ", "")


def code_of(secret: str, service: Service) -> str:
    """The code that an app with this seed shows now."""
    return pyotp.TOTP(secret).at(service.clock())
