"""The application over the cast's database, with clients that are signed in as one of the cast."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.cast import Member
from tests.html import StrictClient
from tests.integration.transfers.stage import Stage
from tests.shell import client_of, services_with, settings_in, sign_in
from transfer_service.app import create_app
from transfer_service.web.people import SignedIn

ClientFor = Callable[[Member], StrictClient]


@pytest.fixture
def app(stage: Stage, tmp_path: Path) -> Flask:
    """The whole application, over the stage's database and clock. Sessions of the cast last as long as the test."""
    members = [one for one in vars(stage.cast).values() if isinstance(one, Member)]
    behind = {member.cookie: member for member in members}

    def find_session(cookie: bytes, request_id: str) -> SignedIn | None:
        member = behind.get(cookie)
        if member is None:
            return None
        return SignedIn(
            actor=dataclasses.replace(member.actor, request_id=request_id),
            person_name=member.name,
            role_label="",
            organisation_name="",
            organisation_place="",
            expires_at=stage.at.now() + timedelta(minutes=30),
            ends_at=stage.at.now() + timedelta(hours=8),
            token=cookie,
        )

    folder = tmp_path / "app"
    folder.mkdir()
    settings = settings_in(folder)
    services = services_with(settings, find_session=find_session)
    return create_app(settings, dataclasses.replace(services, database=stage.database, installation=stage.at))


@pytest.fixture
def client_for(app: Flask) -> ClientFor:
    """A strict client that is signed in as somebody of the cast."""

    def make(member: Member) -> StrictClient:
        client = client_of(app)
        sign_in(client, member.cookie)
        return client

    return make
