"""A clock that jumps shreds nothing: what is deleted by a wrong clock is lost for good."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tests import factories
from tests.integration.jobs.conftest import Setting
from transfer_service.db.models import Dispatch, JobRun
from transfer_service.domain.ailments import Ailment, Severity
from transfer_service.domain.transfer import Status
from transfer_service.jobs.orphans import OrphanSweep
from transfer_service.jobs.retention import Retention
from transfer_service.storage.keys import blob_key
from transfer_service.use_cases.oversight.doctor import examine
from transfer_service.use_cases.steadiness import note_clock


@pytest.fixture
def filed(setting: Setting) -> UUID:
    """A file that was exported and stated as filed just now: it is due in thirty days."""
    dispatch_id = factories.dispatch_in(
        setting, Status.ACKNOWLEDGED, sender=setting.cast.alma, receiver=setting.cast.cora
    )
    with setting.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        dispatch.exported_at = dispatch.filed_at = setting.clock()
    return dispatch_id


def job(setting: Setting) -> Retention:
    return Retention(database=setting.database, at=setting.at, store=setting.storage)


def run(setting: Setting) -> str:
    return job(setting).run(lambda: False)


def is_shredded(setting: Setting, dispatch_id: UUID) -> bool:
    with setting.database.reading() as session:
        return session.scalar(select(Dispatch.shredded_at).where(Dispatch.id == dispatch_id)) is not None


def pass_days(setting: Setting, days: int) -> None:
    """Let days go by while the worker looks at the clock."""
    for _ in range(days):
        setting.clock.move(days=1)
        job(setting).note_time(lambda: False)


def findings(setting: Setting) -> list[Ailment]:
    return [one.ailment for one in examine(setting.database, setting.at, setting.storage, secret_files={}).findings]


def test_a_clock_that_jumps_a_year_ahead_shreds_nothing_and_the_doctor_says_so(setting: Setting, filed: UUID):
    assert run(setting) == ""
    setting.clock.move(days=365)
    settled = setting.clock() + timedelta(days=7)
    assert run(setting) == f"waits until {settled:%Y-%m-%d}: the clock moved by more than a week at once"
    assert run(setting).startswith("waits until")
    assert not is_shredded(setting, filed)
    examined = examine(setting.database, setting.at, setting.storage, secret_files={})
    assert not examined.is_healthy
    assert [one.severity for one in examined.findings if one.ailment is Ailment.CLOCK_MOVED] == [Severity.RED]


def test_a_clock_that_is_put_right_again_has_shredded_nothing(setting: Setting, filed: UUID):
    run(setting)
    setting.clock.move(days=365)
    run(setting)
    setting.clock.move(days=-364)
    assert run(setting).startswith("waits until")
    pass_days(setting, 7)
    assert run(setting) == ""
    assert Ailment.CLOCK_MOVED not in findings(setting)
    assert not is_shredded(setting, filed)
    pass_days(setting, 22)
    assert run(setting) == "shredded 1"
    assert is_shredded(setting, filed)


def test_after_a_long_standstill_shredding_goes_on_by_itself_a_week_later(setting: Setting, filed: UUID):
    run(setting)
    setting.clock.move(days=40)
    assert run(setting).startswith("waits until")
    pass_days(setting, 6)
    assert run(setting).startswith("waits until")
    pass_days(setting, 1)
    assert run(setting) == "shredded 1"
    assert is_shredded(setting, filed)


def test_a_standstill_of_a_week_and_a_clock_that_goes_a_little_back_are_nothing(setting: Setting, filed: UUID):
    pass_days(setting, 24)
    setting.clock.move(days=7)
    setting.clock.move(minutes=-3)
    assert run(setting) == "shredded 1"
    assert is_shredded(setting, filed)


def test_a_clock_that_jumps_sweeps_no_upload_that_is_arriving(setting: Setting):
    sweep = OrphanSweep(database=setting.database, at=setting.at, store=setting.storage)
    sweep.run(lambda: False)
    key = blob_key(UUID(int=5))
    setting.storage.put_new(key, [b"sealed"])
    setting.clock.move(days=365 * 20)
    assert sweep.run(lambda: False).startswith("waits until")
    assert list(setting.storage.list_keys()) == [key]
    pass_days(setting, 7)
    assert sweep.run(lambda: False) == "swept 1"


def test_what_was_looked_at_is_one_row(setting: Setting):
    for _ in range(3):
        setting.clock.move(hours=1)
        with setting.database.writing() as session:
            assert note_clock(session, now=setting.clock()) is None
    with setting.database.reading() as session:
        row = session.get_one(JobRun, "clock-seen")
    assert (row.started_at, row.finished_at) == (
        setting.clock() - timedelta(days=7, hours=2),
        setting.clock(),
    )
