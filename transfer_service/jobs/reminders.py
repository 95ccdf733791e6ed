"""Reminders by school days: nothing that was sent is left lying, and nothing that should be sent is forgotten.

Each is queued once a dispatch. Source of the steps: docs/exchange.md, "Alerts and escalation".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Alert, Dispatch, School, Transfer
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.calendars import Calendar, local_day, school_days_between
from transfer_service.domain.dates import LONDON
from transfer_service.domain.deadlines import REMIND_UNACKNOWLEDGED_AFTER, REMIND_UNOPENED_AFTER
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.calendars import get_school_calendar
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import entry, record_all

FILING_WANTED_AFTER: Final = 10
"""School days after the acknowledgement in which a school is left to export and file what it received."""
AT_ONCE: Final = 100
"""Dispatches reminded of in one transaction."""
WORKING_HOURS: Final = range(8, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `status` dispatches whose `since` lies `school_days` back, or whose `due` day is over."""

    kind: AlertKind
    status: tuple[Status, ...]
    since: Any = None
    school_days: int = 0
    due: Any = None
    without: tuple[AlertKind, ...] = ()
    """Not where one of these was sent already: it says the same and more."""
    also: tuple[ColumnElement[bool], ...] = ()
    by_sender: bool = False


STEPS: Final = (
    Step(kind=AlertKind.ESCALATION, status=(Status.SENT, Status.OPENED), due=Dispatch.receiver_due_on),
    Step(
        kind=AlertKind.REMINDER_UNACKNOWLEDGED,
        status=(Status.SENT, Status.OPENED),
        since=Dispatch.delivered_at,
        school_days=REMIND_UNACKNOWLEDGED_AFTER,
    ),
    Step(
        kind=AlertKind.REMINDER_UNOPENED,
        status=(Status.SENT,),
        since=Dispatch.delivered_at,
        school_days=REMIND_UNOPENED_AFTER,
        without=(AlertKind.REMINDER_UNACKNOWLEDGED,),
        also=(Dispatch.kind != DispatchKind.NIL,),
    ),
    Step(
        kind=AlertKind.FILING_WANTED,
        status=(Status.ACKNOWLEDGED,),
        since=Dispatch.acknowledged_at,
        school_days=FILING_WANTED_AFTER,
        also=(Dispatch.kind != DispatchKind.NIL, Dispatch.filed_at.is_(None), Dispatch.shredded_at.is_(None)),
    ),
    Step(kind=AlertKind.DRAFT_OVERDUE, status=(Status.DRAFT,), due=Dispatch.due_on, by_sender=True),
)
"""The later step first: where both are due, as after a worker stood still, one mail says the stronger thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """Queues what is due to be said."""

    database: Database
    at: Installation

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Queue every reminder that is due, in working hours: a mail at midnight is read by nobody."""
        now = self.at.now()
        if not is_working_time(now):
            return ""
        count = 0
        for step in STEPS:
            with self.database.reading() as session:
                due = find_due(session, step, today=local_day(now))
            for start in range(0, len(due), AT_ONCE):
                if should_stop():
                    break
                with self.database.writing() as session:
                    count += remind(session, self.at, step, due[start : start + AT_ONCE])
        return f"queued {count}" if count else ""


def is_working_time(now: datetime) -> bool:
    """Tell whether it is between eight and six on a Monday to Friday in England."""
    there = now.astimezone(LONDON)
    return there.weekday() < 5 and there.hour in WORKING_HOURS


def find_due(session: Session, step: Step, *, today: date) -> list[UUID]:
    """List the dispatches for which a step is due and was not taken; the receiving school's calendar counts."""
    query = _open_dispatches(step).order_by(Dispatch.id)
    if step.due is not None:
        return list(session.scalars(query.where(step.due < today)))
    # A day less than the shortest that the school days can be, so that most rows are never looked at.
    latest = datetime.combine(today - timedelta(days=step.school_days - 1), datetime.max.time(), LONDON)
    rows = session.execute(query.where(step.since <= latest).add_columns(step.since, Dispatch.receiving_school_id))
    calendars: dict[UUID, Calendar] = {}
    due = []
    for dispatch_id, since, school_id in rows:
        if school_id not in calendars:
            calendars[school_id] = get_school_calendar(session, session.get_one(School, school_id), around=today)
        if school_days_between(calendars[school_id], local_day(since), today) >= step.school_days:
            due.append(dispatch_id)
    return due


def remind(session: Session, at: Installation, step: Step, dispatch_ids: Sequence[UUID]) -> int:
    """Queue the alerts of a step for dispatches that still need it; returns for how many."""
    dispatches = session.scalars(
        select(Dispatch)
        .where(Dispatch.id.in_(_open_dispatches(step).where(Dispatch.id.in_(dispatch_ids))))
        .order_by(Dispatch.id)
        .with_for_update()
    ).all()
    escalated = []
    for dispatch in dispatches:
        if step.kind is AlertKind.ESCALATION:
            authority_id = session.get_one(School, dispatch.receiving_school_id).authority_id
            if not alert_authority(session, at, step.kind, authority_id, dispatch=dispatch):
                # No officer is on record: the authority's page shows it, and who comes next is told then.
                continue
            escalated.append(
                entry(
                    None,
                    Event.ALERT_ESCALATED,
                    basis=Basis.SCHEDULE,
                    subject=dispatch.id,
                    transfer=dispatch.transfer_id,
                    dispatch=dispatch.id,
                    org=authority_id,
                )
            )
        else:
            sender = session.get_one(Transfer, dispatch.transfer_id).sending_school_id
            school_id = sender if step.by_sender else dispatch.receiving_school_id
            alert_school(session, at, step.kind, school_id, dispatch=dispatch)
    record_all(session, at, escalated)
    return len(dispatches)


def _open_dispatches(step: Step) -> Any:
    """Choose the dispatches that are in the step's state and were not reminded of in this or a stronger way.

    What was delivered again to a school's next key counts as new: nobody there was told of it before.
    """
    said = [kind.value for kind in (step.kind, *step.without)]
    since_delivery = or_(Dispatch.delivered_at.is_(None), Alert.created_at >= Dispatch.delivered_at)
    return select(Dispatch.id).where(
        Dispatch.status.in_(step.status),
        *step.also,
        ~exists().where(Alert.dispatch_id == Dispatch.id, Alert.kind.in_(said), since_delivery),
    )
