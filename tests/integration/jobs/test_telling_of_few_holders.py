"""Schools with one key holder or none are told in time: monthly, weekly before the summer, and the authority too."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from tests.integration.jobs.conftest import Setting
from transfer_service.db.models import Alert, School, SchoolEpoch
from transfer_service.domain.alerts import AlertKind
from transfer_service.jobs import holders
from transfer_service.jobs.holders import KeyHolders
from transfer_service.use_cases.people.memberships import end_membership, suspend_membership

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
Tell = Callable[[], list[tuple[str, str]]]

STELLA_ALONE = [("key_holder.single", "stella")]
NOBODY = [("key_holder.none", "hugh"), ("key_holder.none", "olive")]


@pytest.fixture
def tell(setting: Setting) -> Tell:
    """Run the job; gives kind and first name of what it queued."""

    def run() -> list[tuple[str, str]]:
        with setting.database.reading() as session:
            before = set(session.scalars(select(Alert.id)))
        KeyHolders(database=setting.database, at=setting.at).run(lambda: False)
        with setting.database.reading() as session:
            queued = [alert for alert in session.scalars(select(Alert)) if alert.id not in before]
        return sorted((alert.kind, alert.address.partition(".")[0]) for alert in queued)

    return run


def moment(month: int, day: int, hour: int = 9, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def lose_everybody(setting: Setting) -> None:
    """Both leads of the sending school leave; the mails of that day are forgotten."""
    cast = setting.cast
    for leaver in (cast.alma, cast.ben):
        with setting.database.writing() as session:
            end_membership(session, setting.at, cast.hugh.actor, membership_id=leaver.membership_id)
    with setting.database.writing() as session:
        session.execute(delete(Alert))


def test_a_single_holder_is_told_once_a_month_in_autumn(setting: Setting, tell: Tell):
    assert tell() == STELLA_ALONE
    assert tell() == []
    setting.clock.set(moment(10, 2))
    assert tell() == []
    setting.clock.set(moment(10, 6))
    assert tell() == STELLA_ALONE


def test_in_june_and_july_every_week(setting: Setting, tell: Tell):
    setting.clock.set(moment(6, 1, year=2027))
    assert [one for one in tell() if one[0] == "key_holder.single"] == STELLA_ALONE
    setting.clock.set(moment(6, 7, year=2027))
    assert tell() == []
    setting.clock.set(moment(6, 8, 10, year=2027))
    assert tell() == STELLA_ALONE


def test_nobody_is_told_at_night_or_at_the_weekend(setting: Setting, tell: Tell):
    setting.clock.set(moment(9, 8, 3))
    assert tell() == []
    setting.clock.set(moment(9, 12))
    assert tell() == []


def test_where_nobody_is_left_the_head_and_the_authority_are_told_every_week(setting: Setting, tell: Tell):
    tell()
    lose_everybody(setting)
    setting.clock.set(moment(9, 8))
    assert [one for one in tell() if one[0] == "key_holder.none"] == NOBODY
    setting.clock.set(moment(9, 9))
    assert tell() == []
    setting.clock.set(moment(9, 16))
    assert tell() == NOBODY


def test_a_suspended_colleague_does_not_count(setting: Setting, tell: Tell):
    cast = setting.cast
    with setting.database.writing() as session:
        suspend_membership(session, setting.at, cast.alma.actor, membership_id=cast.ben.membership_id)
        session.execute(delete(Alert))
    assert ("key_holder.single", "alma") in tell()


def test_closed_schools_and_schools_that_never_had_a_key_are_left_alone(setting: Setting, tell: Tell):
    with setting.database.writing() as session:
        session.get_one(School, setting.cast.stranger).status = "Closed"
    assert tell() == []


def test_a_second_worker_tells_nobody_twice_and_a_wish_to_stop_is_heard(setting: Setting):
    job = KeyHolders(database=setting.database, at=setting.at)
    assert job.run(lambda: True) == ""
    with setting.database.writing() as session:
        due = holders.list_due(session, now=setting.at.now())
        assert due == [(setting.cast.stranger, AlertKind.SINGLE_KEY_HOLDER)]
        assert holders.tell(session, setting.at, *due[0]) == 1
        assert holders.tell(session, setting.at, *due[0]) == 0


AGEING = [("epoch.renewal_soon", name) for name in ("alma", "ben", "cora", "dev", "stella")]
DUE = [("epoch.renewal_due", name) for _, name in AGEING]


def renewals(tell: Tell) -> list[tuple[str, str]]:
    return [one for one in tell() if one[0].startswith("epoch.renewal")]


def test_a_key_that_is_to_be_renewed_is_told_to_its_holders_a_month_before_july_and_when_it_is_due(
    setting: Setting, tell: Tell
):
    setting.clock.set(moment(5, 28, year=2027))
    assert renewals(tell) == []
    setting.clock.set(moment(5, 31, year=2027))
    assert renewals(tell) == AGEING
    setting.clock.set(moment(6, 29, year=2027))
    assert renewals(tell) == []
    setting.clock.set(moment(6, 30, year=2027))
    assert renewals(tell) == DUE
    setting.clock.set(moment(11, 30, year=2027))
    assert renewals(tell) == []


def test_a_school_that_renewed_its_key_hears_nothing_more(setting: Setting, tell: Tell):
    setting.clock.set(moment(3, 1, year=2027))
    with setting.database.writing() as session:
        session.execute(
            update(SchoolEpoch).where(SchoolEpoch.school_id == setting.cast.sending).values(created_at=setting.clock())
        )
    setting.clock.set(moment(6, 30, year=2027))
    assert {name for _, name in renewals(tell)} == {"cora", "dev", "stella"}
    assert not {name for _, name in renewals(tell)}
    setting.clock.set(moment(3, 1, year=2028))
    assert [one for one in renewals(tell) if one[1] == "alma"] == [("epoch.renewal_due", "alma")]


def test_a_second_worker_tells_nobody_twice_of_the_same_key(setting: Setting):
    setting.clock.set(moment(6, 30, year=2027))
    with setting.database.writing() as session:
        due = holders.list_ageing(session, now=setting.at.now())
        assert {kind for _, kind in due} == {AlertKind.EPOCH_RENEWAL_DUE}
        assert [holders.tell(session, setting.at, *one) for one in due] == [1, 1, 1]
        assert [holders.tell(session, setting.at, *one) for one in due] == [0, 0, 0]
