"""A frozen log is said on every page, with what to do; the banner itself never breaks a page."""

from datetime import timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import update

from config.settings import Settings
from tests.integration.web.log.conftest import Following, application
from tests.shell import OPENED, client_of, settings_in
from transfer_service.app import build_services, create_app
from transfer_service.db.models import LogHead
from transfer_service.web.frozen import FrozenLog

BANNER = "because the log is frozen"


def freeze(following: Following, *, frozen: bool = True) -> None:
    with following.stage.database.writing() as session:
        session.execute(
            update(LogHead).values(frozen=frozen, frozen_reason="The log was rolled back" if frozen else None)
        )


def app_that_asks(following: Following, folder: Path) -> Flask:
    """An application whose banner asks the stage's database."""
    return app_as_wired(settings_in(folder, DATABASE_URL=following.stage.database.url))


def app_as_wired(settings: Settings) -> Flask:
    services = build_services(settings)
    OPENED.append(services.database)
    return create_app(settings, services)


def test_every_page_says_that_the_log_is_frozen(following: Following, tmp_path: Path):
    freeze(following)
    client = client_of(app_that_asks(following, tmp_path))
    assert BANNER in client.get("/privacy").text
    assert "/log/frozen" in client.get("/verify").text
    page = client.get("/log/frozen").text
    assert "The log is frozen" in page
    assert "transfer-service audit frozen --checkpoint FILE" in page
    assert "transfer-service audit unfreeze --checkpoint FILE" in page


def test_no_page_says_so_while_the_log_takes_leaves(following: Following, tmp_path: Path):
    client = client_of(app_that_asks(following, tmp_path))
    assert BANNER not in client.get("/privacy").text
    assert "The log is not frozen" in client.get("/log/frozen").text


def test_a_database_without_a_log_breaks_no_page(tmp_path: Path):
    answer = client_of(app_as_wired(settings_in(tmp_path))).get("/privacy")
    assert answer.status_code == 200
    assert BANNER not in answer.text


def test_the_database_is_asked_now_and_then_and_not_for_each_page(following: Following):
    asked: list[None] = []

    def ask() -> bool:
        asked.append(None)
        return len(asked) > 1

    clock = following.stage.clock
    flag = FrozenLog(ask, now=clock)
    assert [flag(), flag(), len(asked)] == [False, False, 1]
    clock.set(clock() + timedelta(seconds=10))
    assert [flag(), len(asked)] == [True, 2]


def test_the_receipt_pages_work_without_a_policy(following: Following, tmp_path: Path):
    client = client_of(application(following.stage, tmp_path / "bare", policy=""))
    assert client.get("/verify/yourself").status_code == 200
    assert client.get("/log/policy").status_code == 404
