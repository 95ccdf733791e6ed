"""A move that is recorded twice is late for ever: a school is told before, and a person decides."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from tests import factories
from tests.cast import DEPLOYMENT, Member
from tests.integration.transfers.stage import Stage
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.db import models
from transfer_service.domain.errors import NotFound, PermissionRefused
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.pupils import Pupil
from transfer_service.use_cases.transfers.recorded_already import list_recorded_already

ZOE = factories.PUPIL
TWIN = replace(ZOE, forename="Ada", upn="J801200001002")


def ask(stage: Stage, member: Member, pupil: Pupil = ZOE, *, at: Installation | None = None) -> list[tuple[str, bool]]:
    with stage.database.reading() as session:
        found = list_recorded_already(session, at or stage.at, member.actor, pupil=pupil)
    return [(one.reference, one.same_upn) for one in found]


def record(stage: Stage, pupil: Pupil = ZOE) -> str:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving, pupil=pupil)
    with stage.database.reading() as session:
        return session.get_one(models.Dispatch, dispatch_id).transfer.reference


def test_the_same_upn_is_found_however_name_and_upn_are_typed(stage: Stage) -> None:
    assert ask(stage, stage.alma) == []
    reference = record(stage)
    typed = replace(ZOE, forename="Zoe", surname="Another", upn=" h801200001001")
    for member in (stage.alma, stage.ben, stage.cast.edie):
        assert ask(stage, member, typed) == [(reference, True)]


def test_without_a_upn_surname_and_date_of_birth_are_compared(stage: Stage) -> None:
    reference = record(stage, replace(ZOE, upn=None))
    assert ask(stage, stage.alma, replace(ZOE, forename="Zoey", surname="OBRIEN  ŁĄCKI")) == [(reference, False)]
    assert ask(stage, stage.alma, replace(ZOE, forename="Zoey", upn=None)) == [(reference, False)]
    assert ask(stage, stage.alma, replace(ZOE, date_of_birth=ZOE.date_of_birth.replace(day=10))) == []


def test_two_children_with_two_upns_are_two_even_as_twins(stage: Stage) -> None:
    record(stage)
    assert ask(stage, stage.alma, TWIN) == []


def test_another_school_is_told_nothing(stage: Stage) -> None:
    record(stage)
    assert ask(stage, stage.cora) == []
    with pytest.raises(NotFound):
        ask(stage, stage.cast.olive)
    with pytest.raises(PermissionRefused):
        ask(stage, stage.cast.hugh)


def test_what_is_over_does_not_count(stage: Stage) -> None:
    factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    assert ask(stage, stage.alma) == []
    factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    assert len(ask(stage, stage.alma)) == 1


def test_the_newest_five_are_shown(stage: Stage) -> None:
    references = []
    for _ in range(6):
        stage.clock.move(seconds=1)
        references.append(record(stage))
    assert [reference for reference, _ in ask(stage, stage.alma)] == references[:0:-1]


def test_what_was_indexed_under_an_older_key_is_found_after_the_key_was_replaced(
    stage: Stage, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    """docs/keys.md, rule 13: look-ups compute all live ids."""
    by_upn, by_name = record(stage), record(stage, replace(ZOE, forename="Max", upn=None))
    keys = FieldKeyring({2: b"\x09" * 32, 1: b"\x01" * 32}, deployment=DEPLOYMENT)
    assert keys.primary_id == 2
    with statements() as made:
        found = ask(stage, stage.alma, at=replace(stage.at, field_keys=keys))
    assert sorted(found) == sorted([(by_upn, True), (by_name, False)])
    assert len(made) == 1
    without_old = FieldKeyring({2: b"\x09" * 32}, deployment=DEPLOYMENT)
    assert ask(stage, stage.alma, at=replace(stage.at, field_keys=without_old)) == []
