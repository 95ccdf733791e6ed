"""What is left of a renewal awaits the key holders, and goes on at their next unlock."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.cast import Member
from tests.integration.keys.reencrypting import progress, reencrypt
from tests.integration.transfers.stage import Stage
from tests.observing import rows
from transfer_service.db.models import SchoolEpoch
from transfer_service.use_cases.keys.renewal import NOTHING, KeyTasks, go_on, list_key_tasks

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


def tasks(stage: Stage, member: Member) -> KeyTasks:
    with stage.database.reading() as session:
        return list_key_tasks(session, stage.at, member.actor)


def unlock(stage: Stage, member: Member) -> KeyTasks:
    return go_on(stage.database, stage.at, member.actor, person_key=member.person_key, storage=stage.storage)


def test_what_is_sealed_to_an_earlier_key_is_sealed_to_the_present_one_at_the_next_unlock(stage: Stage, kept: UUID):
    assert tasks(stage, stage.dev) == KeyTasks(to_seal=3)
    assert unlock(stage, stage.dev) == NOTHING
    before = rows(stage.service)
    assert unlock(stage, stage.dev) == NOTHING
    assert rows(stage.service) == before


def test_encrypting_again_is_never_begun_by_itself_and_goes_on_once_it_was(stage: Stage, kept: UUID):
    unlock(stage, stage.cora)
    assert progress(stage, stage.cora) == (0, 3)
    reencrypt(stage, stage.cora, at_most=1)
    assert tasks(stage, stage.dev) == KeyTasks(to_encrypt=2)
    assert unlock(stage, stage.dev) == NOTHING
    assert progress(stage, stage.cora) == (3, 0)


def test_after_an_exposure_it_awaits_the_holders_until_somebody_begins(stage: Stage, kept: UUID):
    with stage.database.writing() as session:
        session.execute(update(SchoolEpoch).where(SchoolEpoch.number == 2).values(previous_signature=None))
    assert unlock(stage, stage.cora) == KeyTasks(to_encrypt=3)
    assert progress(stage, stage.cora) == (0, 3)


def test_who_holds_no_key_has_nothing_to_do_about_it(stage: Stage, kept: UUID):
    for member in (stage.edie, stage.cast.hugh, stage.cast.olive, stage.cast.ada):
        assert tasks(stage, member) == NOTHING
        assert unlock(stage, member) == NOTHING
    assert tasks(stage, stage.alma) == NOTHING


def test_a_month_before_it_is_due_a_new_key_awaits_the_holders(stage: Stage):
    stage.clock.set(datetime(2027, 5, 29, 12, tzinfo=UTC))
    assert tasks(stage, stage.alma) == NOTHING
    stage.clock.set(datetime(2027, 5, 30, 12, tzinfo=UTC))
    assert tasks(stage, stage.alma) == KeyTasks(renew_by=date(2027, 6, 30))
    assert unlock(stage, stage.alma) == KeyTasks(renew_by=date(2027, 6, 30))
    stage.clock.set(datetime(2027, 7, 1, 12, tzinfo=UTC))
    assert tasks(stage, stage.alma) == KeyTasks(renew_by=date(2027, 6, 30), is_overdue=True)
