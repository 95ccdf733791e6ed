from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from tests import factories
from tests.integration.jobs.conftest import Setting, alerts_of, events
from transfer_service.db.models import Alert, Closure, Dispatch, Membership
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.roles import MembershipState
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.jobs.reminders import Reminders, is_working_time

Remind = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def remind(setting: Setting) -> Remind:
    """Run the reminders; gives the kinds and addresses of what was queued by them."""

    def run() -> list[tuple[str, str]]:
        with setting.database.reading() as session:
            before = set(session.scalars(select(Alert.id)))
        Reminders(database=setting.database, at=setting.at).run(lambda: False)
        with setting.database.reading() as session:
            queued = [alert for alert in session.scalars(select(Alert)) if alert.id not in before]
        return sorted((alert.kind, alert.address.partition(".")[0]) for alert in queued)

    return run


def sent(setting: Setting, status: Status = Status.SENT, **more: object) -> UUID:
    return factories.dispatch_in(setting, status, sender=setting.cast.alma, receiver=setting.cast.cora, **more)


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


UNOPENED = [("reminder.unopened", "cora"), ("reminder.unopened", "dev")]
UNACKNOWLEDGED = [("reminder.unacknowledged", "cora"), ("reminder.unacknowledged", "dev")]


def test_a_file_unopened_for_one_school_day_is_reminded_of_once(setting: Setting, remind: Remind):
    sent(setting)  # on Monday 7 September
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 8)))
    assert remind() == UNOPENED
    assert remind() == []


def test_after_three_school_days_without_acknowledgement_opened_or_not(setting: Setting, remind: Remind):
    sent(setting, Status.OPENED)
    setting.clock.set(at(date(2026, 9, 9)))
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 10)))
    assert remind() == UNACKNOWLEDGED
    assert remind() == []


def test_after_a_long_standstill_one_mail_says_the_stronger_thing(setting: Setting, remind: Remind):
    sent(setting)
    setting.clock.set(at(date(2026, 9, 10)))
    assert remind() == UNACKNOWLEDGED


def test_days_on_which_the_receiving_school_is_closed_do_not_count(setting: Setting, remind: Remind):
    with setting.database.writing() as session:
        session.add(
            Closure(
                id=setting.at.new_id(),
                authority_id=setting.cast.warwickshire,
                school_id=setting.cast.receiving,
                closed_on=date(2026, 9, 8),
                kind="inset",
            )
        )
    sent(setting)
    setting.clock.set(at(date(2026, 9, 8)))
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 9)))
    assert remind() == UNOPENED


def test_a_weekend_is_no_school_day_and_nobody_is_reminded_on_it(setting: Setting, remind: Remind):
    setting.clock.set(at(date(2026, 9, 11)))
    sent(setting)
    for day in (12, 13):
        setting.clock.set(at(date(2026, 9, day)))
        assert remind() == []
    setting.clock.set(at(date(2026, 9, 14), hour=5))
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 14)))
    assert remind() == UNOPENED


def test_a_nil_declaration_is_never_unopened_but_may_be_unacknowledged(setting: Setting, remind: Remind):
    sent(setting, kind=DispatchKind.NIL)
    setting.clock.set(at(date(2026, 9, 8)))
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 10)))
    assert remind() == UNACKNOWLEDGED


@pytest.mark.parametrize("status", [Status.ACKNOWLEDGED, Status.REJECTED, Status.WITHDRAWN, Status.WAITING])
def test_what_is_done_or_waits_for_a_key_is_not_reminded_of(setting: Setting, remind: Remind, status: Status):
    sent(setting, status, keyless_school_id=setting.cast.keyless)
    setting.clock.set(at(date(2026, 9, 11)))
    assert remind() == []


def test_past_its_due_date_it_goes_to_the_authority_with_a_leaf(setting: Setting, remind: Remind):
    dispatch_id = sent(setting)
    with setting.database.reading() as session:
        due = session.get_one(Dispatch, dispatch_id).receiver_due_on
    assert due == date(2026, 9, 14)
    setting.clock.set(at(date(2026, 9, 14)))
    assert ("escalation", "olive") not in remind()
    setting.clock.set(at(date(2026, 9, 15)))
    assert remind() == [("escalation", "olive")]
    assert remind() == []
    assert "alert.escalated" in events_about(setting, dispatch_id)


def test_where_the_authority_has_no_officer_nothing_is_recorded_until_there_is_one(setting: Setting, remind: Remind):
    dispatch_id = sent(setting)
    olive = setting.cast.olive.membership_id
    with setting.database.writing() as session:
        session.get_one(Membership, olive).state = MembershipState.SUSPENDED
    setting.clock.set(at(date(2026, 9, 15)))
    remind()
    remind()
    assert "alert.escalated" not in events_about(setting, dispatch_id)
    with setting.database.writing() as session:
        session.get_one(Membership, olive).state = MembershipState.ACTIVE
    assert ("escalation", "olive") in remind()
    remind()
    assert events_about(setting, dispatch_id).count("alert.escalated") == 1


def test_what_was_delivered_again_to_the_next_key_is_reminded_of_again(setting: Setting, remind: Remind):
    dispatch_id = sent(setting)
    setting.clock.set(at(date(2026, 9, 8)))
    assert remind() == UNOPENED
    with setting.database.writing() as session:
        session.get_one(Dispatch, dispatch_id).delivered_at = at(date(2026, 9, 9))
    setting.clock.set(at(date(2026, 9, 10)))
    assert remind() == UNOPENED
    assert remind() == []


def events_about(setting: Setting, dispatch_id: UUID) -> list[str]:
    from tests.cast import Service

    service = Service(database=setting.database, at=setting.at, clock=setting.clock, work=None)  # type: ignore[arg-type]
    return events(service, dispatch_id)


def test_a_draft_past_its_date_is_told_to_the_sending_school_once(setting: Setting, remind: Remind):
    dispatch_id = sent(setting, Status.DRAFT)
    with setting.database.writing() as session:
        session.get_one(Dispatch, dispatch_id).due_on = date(2026, 9, 11)
    setting.clock.set(at(date(2026, 9, 11)))
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 14)))
    assert remind() == [("draft.overdue", "alma"), ("draft.overdue", "ben")]
    assert remind() == []


def test_what_was_acknowledged_and_not_filed_is_asked_for_after_ten_school_days(setting: Setting, remind: Remind):
    dispatch_id = sent(setting, Status.ACKNOWLEDGED)
    setting.clock.set(at(date(2026, 9, 18)))
    assert remind() == []
    setting.clock.set(at(date(2026, 9, 21)))
    assert remind() == [("filing.wanted", "cora"), ("filing.wanted", "dev")]
    other = sent(setting, Status.ACKNOWLEDGED)
    with setting.database.writing() as session:
        session.get_one(Dispatch, other).filed_at = setting.clock()
    setting.clock.set(at(date(2026, 10, 20)))
    assert remind() == []
    assert dispatch_id != other


def test_what_was_put_right_in_the_meantime_is_not_reminded_of(setting: Setting, monkeypatch: pytest.MonkeyPatch):
    from transfer_service.jobs import reminders

    dispatch_id = sent(setting)
    setting.clock.set(at(date(2026, 9, 8)))
    find = reminders.find_due

    def found_before_it_was_opened(session: object, step: reminders.Step, *, today: date) -> list[UUID]:
        due = find(session, step, today=today)
        if due:
            factories.withdraw(setting, setting.cast.alma, dispatch_id)
        return due

    monkeypatch.setattr(reminders, "find_due", found_before_it_was_opened)
    Reminders(database=setting.database, at=setting.at).run(lambda: False)
    with setting.database.reading() as session:
        assert alerts_of(session, AlertKind.REMINDER_UNOPENED) == []


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        (datetime(2026, 9, 7, 6, 59, tzinfo=UTC), False),
        (datetime(2026, 9, 7, 7, 0, tzinfo=UTC), True),
        (datetime(2026, 9, 7, 16, 59, tzinfo=UTC), True),
        (datetime(2026, 9, 7, 17, 0, tzinfo=UTC), False),
        (datetime(2026, 12, 7, 7, 30, tzinfo=UTC), False),
        (datetime(2026, 12, 7, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 9, 12, 9, 0, tzinfo=UTC), False),
    ],
)
def test_working_time_is_eight_to_six_in_england(moment: datetime, working: bool):
    assert is_working_time(moment) is working
