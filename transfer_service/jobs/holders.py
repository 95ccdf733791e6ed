"""Telling in time that a school has one key holder or none: people leave in July, and files come in September.

A school with one is told once a month, and every week in June and July; one with none every week, with its authority.
A school whose key is to be renewed is told twice: a month before, and when it is due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Alert, Authority, School, SchoolEpoch
from transfer_service.db.queries.doctor import list_holder_counts
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.calendars import local_day
from transfer_service.domain.dates import LONDON
from transfer_service.domain.keys import RENEWAL_NOTICE, KeyState, renewal_due_on
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Role
from transfer_service.jobs.reminders import is_working_time
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.installation import Installation

BEFORE_SUMMER: Final = frozenset({6, 7})
"""Months in which people say that they leave."""
A_WEEK: Final = timedelta(days=7)
A_MONTH: Final = timedelta(days=28)
_OF_AGE: Final = frozenset({AlertKind.EPOCH_RENEWAL_SOON, AlertKind.EPOCH_RENEWAL_DUE})
_TOLD_OF_ONE: Final = (*KEY_HOLDING_ROLES, Role.HEAD_TEACHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolders:
    """Queues what is to be said about too few key holders, and about keys that are to be renewed."""

    database: Database
    at: Installation

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Tell every school that has too few and was not told for a while, in working hours."""
        now = self.at.now()
        if not is_working_time(now):
            return ""
        with self.database.reading() as session:
            due = [*list_due(session, now=now), *list_ageing(session, now=now)]
        count = 0
        for school_id, kind in due:
            if should_stop():
                break
            with self.database.writing() as session:
                count += tell(session, self.at, school_id, kind)
        return f"told {count}" if count else ""


def list_due(session: Session, *, now: datetime) -> list[tuple[UUID, AlertKind]]:
    """List the open schools to be told, each with what; a school that never had a key is not among them."""
    few = {school_id: people for _, school_id, people in list_holder_counts(session)}
    schools = session.scalars(
        select(School.id)
        .join(Authority, Authority.id == School.authority_id)
        .where(
            ~School.is_closed,
            Authority.enrolled_at.is_not(None),
            exists().where(SchoolEpoch.school_id == School.id, SchoolEpoch.state != KeyState.DESTROYED),
        )
        .order_by(School.id)
    ).all()
    # An epoch that nobody holds is retired, so that a school with no active one has no holder either.
    active = set(session.scalars(select(SchoolEpoch.school_id).where(SchoolEpoch.state == KeyState.ACTIVE)))
    found = []
    for school_id in schools:
        people = few.get(school_id, 2) if school_id in active else 0
        if people < 2:
            kind = AlertKind.SINGLE_KEY_HOLDER if people else AlertKind.NO_KEY_HOLDER
            if not was_told(session, school_id, kind, now=now):
                found.append((school_id, kind))
    return found


def list_ageing(session: Session, *, now: datetime) -> list[tuple[UUID, AlertKind]]:
    """List the open schools whose key is due to be renewed, now or within a month, and that were not told of it."""
    rows = session.execute(
        select(School.id, SchoolEpoch.created_at)
        .join(SchoolEpoch, SchoolEpoch.school_id == School.id)
        .join(Authority, Authority.id == School.authority_id)
        .where(
            SchoolEpoch.state == KeyState.ACTIVE,
            # No key is due before nine months have gone, nor its notice before eight.
            SchoolEpoch.created_at <= now - timedelta(days=240),
            ~School.is_closed,
            Authority.enrolled_at.is_not(None),
        )
        .order_by(School.id)
    ).all()
    found = []
    for school_id, made_at in rows:
        kind = _judge_age(made_at, now=now)
        if kind is not None and not _was_told_since(session, school_id, kind, since=made_at):
            found.append((school_id, kind))
    return found


def _judge_age(made_at: datetime, *, now: datetime) -> AlertKind | None:
    today, due_on = local_day(now), renewal_due_on(local_day(made_at))
    if today >= due_on:
        return AlertKind.EPOCH_RENEWAL_DUE
    return AlertKind.EPOCH_RENEWAL_SOON if today >= due_on - RENEWAL_NOTICE else None


def was_told(session: Session, organisation_id: UUID, kind: AlertKind, *, now: datetime) -> bool:
    """Whether the school or authority was told so within the week or month that is left to it, or of this very key."""
    if kind in _OF_AGE:
        made_at = session.scalar(
            select(SchoolEpoch.created_at).where(
                SchoolEpoch.school_id == organisation_id, SchoolEpoch.state == KeyState.ACTIVE
            )
        )
        return made_at is None or _was_told_since(session, organisation_id, kind, since=made_at)
    weekly = kind is AlertKind.NO_KEY_HOLDER or now.astimezone(LONDON).month in BEFORE_SUMMER
    return _was_told_since(session, organisation_id, kind, since=now - (A_WEEK if weekly else A_MONTH))


def _was_told_since(session: Session, organisation_id: UUID, kind: AlertKind, *, since: datetime) -> bool:
    told = select(
        exists().where(Alert.organisation_id == organisation_id, Alert.kind == kind.value, Alert.created_at > since)
    )
    return bool(session.scalar(told))


def tell(session: Session, at: Installation, school_id: UUID, kind: AlertKind) -> int:
    """Queue the alert for a school's people; returns 1, or 0 where another worker was quicker.

    Where nobody is left the authority is told too, in one mail a week for all such schools: its pages say which.
    """
    school = session.get_one(School, school_id, with_for_update=True)
    now = at.now()
    if was_told(session, school_id, kind, now=now):
        return 0
    alert_school(session, at, kind, school_id, roles=KEY_HOLDING_ROLES if kind in _OF_AGE else _TOLD_OF_ONE)
    if kind is AlertKind.NO_KEY_HOLDER and not was_told(session, school.authority_id, kind, now=now):
        alert_authority(session, at, kind, school.authority_id)
    return 1
