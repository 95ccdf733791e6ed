"""The application over the cast's database, with everybody signed in by the cookie of their session."""

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
from transfer_service.use_cases.equipment import Equipment
from transfer_service.use_cases.people.sessions import load_session
from transfer_service.web.people import SignedIn


@pytest.fixture
def app(stage: Stage, tmp_path: Path) -> Flask:
    """The whole application over the stage; who is behind a cookie is looked up as in earnest."""

    def find_session(cookie: bytes, request_id: str) -> SignedIn | None:
        with stage.database.reading() as session:
            live = load_session(session, stage.at, cookie=cookie, request_id=request_id)
        if live is None:
            return None
        return SignedIn(
            actor=live.actor,
            person_name=live.person_name,
            role_label="Safeguarding lead",
            organisation_name=live.place.name if live.place else "",
            organisation_place=live.place.where if live.place else "",
            expires_at=stage.at.now() + timedelta(minutes=30),
            ends_at=stage.at.now() + timedelta(hours=8),
            token=cookie,
        )

    folder = tmp_path / "app"
    folder.mkdir()
    settings = settings_in(folder)
    services = services_with(settings, find_session=find_session)
    return create_app(
        settings,
        dataclasses.replace(
            services,
            database=stage.database,
            installation=stage.at,
            equipment=Equipment(peppers=services.equipment.peppers, storage=stage.storage),
        ),
    )


@pytest.fixture
def browser(app: Flask) -> Callable[[Member], StrictClient]:
    """A strict client that is signed in as somebody of the cast."""

    def make(member: Member) -> StrictClient:
        client = client_of(app)
        sign_in(client, member.cookie)
        return client

    return make
