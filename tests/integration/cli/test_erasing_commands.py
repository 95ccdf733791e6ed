"""Words beside entries of the log are erased by an operator, for a reason, and the log goes on to verify."""

import click
import pytest
from sqlalchemy import select

from config.settings import NEEDS_DATABASE, Settings
from tests.integration.cli.conftest import Installation, single_sentence
from transfer_service.app import build_installation
from transfer_service.audit.detail import tell
from transfer_service.audit.leaf import decode_leaf
from transfer_service.cli.edge import NEEDS_INSTALLATION
from transfer_service.db.models import LogDetail, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.recording import record


@pytest.fixture
def two_told(any_installation: Installation) -> Installation:
    """Two entries with words beside them, signed."""
    settings = Settings.from_mapping(any_installation.environ, NEEDS_DATABASE | NEEDS_INSTALLATION)
    at = build_installation(settings)
    opened = Database(any_installation.database.url)
    for name in ("Somebody", "Somebody Else"):
        with opened.writing() as session:
            record(
                session, at, None, Event.SETTING_CHANGED, basis=Basis.COMMAND_LINE.value, detail=tell(f"{name} left.")
            )
    opened.dispose()
    assert any_installation.run("audit", "checkpoint").code == 0
    return any_installation


def erase(installation: Installation, monkeypatch: pytest.MonkeyPatch, *indexes: int, typed: str):
    monkeypatch.setattr(click, "prompt", lambda *_question, **_options: typed)
    return installation.run("audit", "erase", *map(str, indexes), "--basis", "data_protection_request")


def kept(installation: Installation) -> tuple[list[int], list[tuple[str, str | None, int | None]]]:
    """The indexes beside which words stand, and what the entries after them say."""
    opened = Database(installation.database.url)
    with opened.reading() as session:
        details = list(session.scalars(select(LogDetail.idx).order_by(LogDetail.idx)))
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
    opened.dispose()
    said = [decode_leaf(body).said for body in bodies[2:]]
    return details, [(one.event, one.basis, one.erases) for one in said]


def test_words_go_the_entry_stays_and_the_log_verifies(two_told: Installation, monkeypatch: pytest.MonkeyPatch):
    assert kept(two_told)[0] == [0, 1]
    answer = erase(two_told, monkeypatch, 1, 1, typed="1")
    assert (answer.code, answer.out.splitlines()[0]) == (
        0,
        "Erased the words beside 1 of 1 entries. Each erasure is an entry of its own.",
    )
    assert kept(two_told) == ([0], [("detail.erased", "data_protection_request", 1)])
    assert two_told.run("audit", "checkpoint").code == 0
    assert two_told.run("audit", "verify").code == 0


def test_another_number_typed_erases_nothing(two_told: Installation, monkeypatch: pytest.MonkeyPatch):
    answer = erase(two_told, monkeypatch, 0, 1, typed="1")
    assert (answer.code, single_sentence(answer)) == (
        3,
        "You named 2 different entries, so nothing was done. Look at the numbers again.",
    )
    assert kept(two_told) == ([0, 1], [])


def test_an_entry_that_is_not_there_keeps_all_the_others(two_told: Installation, monkeypatch: pytest.MonkeyPatch):
    answer = erase(two_told, monkeypatch, 0, 2, typed="2")
    assert answer.code == 3
    assert kept(two_told) == ([0, 1], [])


def test_words_that_are_gone_are_not_erased_twice(two_told: Installation, monkeypatch: pytest.MonkeyPatch):
    erase(two_told, monkeypatch, 0, typed="1")
    again = erase(two_told, monkeypatch, 0, typed="1")
    assert (again.code, single_sentence(again)) == (
        3,
        "Nothing stands beside these entries: they had no words, or were erased before.",
    )
    assert len(kept(two_told)[1]) == 1


def test_a_reason_outside_the_list_is_wrong_usage(two_told: Installation):
    assert two_told.run("audit", "erase", "0", "--basis", "schedule").code == 2
