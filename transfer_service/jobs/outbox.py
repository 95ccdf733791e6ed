"""The rows of the outbox as the worker sees them: claimed by a lease, and marked while the lease is still its own.

A lease is kept with the rows that one mail carries, so that a mail that must be tried again is the same mail with the
same Message-ID, whoever tries it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from transfer_service.alerts.backoff import is_given_up, next_attempt_at
from transfer_service.alerts.channels import Delivered, Outcome, PermanentFailure, TemporaryFailure
from transfer_service.alerts.messages import may_join
from transfer_service.audit.log import Entry
from transfer_service.db.models import Alert, Authority, LogHead, Membership, School
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import MembershipState
from transfer_service.use_cases.alerting import alert_authority
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.outbox import CARRY_A_LINK, withdraw_alert
from transfer_service.use_cases.recording import entry, record_all

MAILS_APART: Final = timedelta(minutes=10)
"""What is to be said to one address within this time after a mail to it is said in one further mail."""
LEASE: Final = timedelta(minutes=5)
"""Longer than one attempt can take, every wait for the relay at its longest."""
MOST_JOINED: Final = 200
FARTHEST: Final = timedelta(days=1)
"""No alert is put off for longer. One that seems to be was marked by a clock that was wrong, and is due now."""

_BY_ITSELF: Final = tuple(kind.value for kind in AlertKind if not may_join(kind))
# Their failure is told to nobody by a further alert, which would fail as they did.
_TOLD_TO_NOBODY: Final = frozenset({AlertKind.ALERT_UNDELIVERABLE.value, AlertKind.LOG_FROZEN.value})


@dataclass(frozen=True, slots=True)
class Claim:
    """One mail that this worker alone may send until `until`; its alerts are to one address, in the order of ids."""

    lease: UUID
    until: datetime
    alerts: tuple[Alert, ...]

    @property
    def address(self) -> str:
        """Whom the mail is for."""
        return self.alerts[0].address


def has_due(session: Session, now: datetime) -> bool:
    """Tell whether anything is to be sent, without a lock."""
    return bool(session.scalar(select(exists(_due(now, is_frozen=is_log_frozen(session)).with_only_columns(Alert.id)))))


def is_log_frozen(session: Session) -> bool:
    """Tell whether the log takes no leaf, so that a mail that went out could not be marked."""
    return bool(session.scalar(select(LogHead.frozen)))


def claim_next(session: Session, at: Installation) -> Claim | None:
    """Claim the mail that has been due for longest, or return None where nothing is due.

    Alerts that may share a mail are claimed together; they are put off where their address had a mail just now.
    While the log is frozen nothing is claimed but the alert that says so.
    """
    now = at.now()
    due = _due(now, is_frozen=is_log_frozen(session)).order_by(Alert.not_before, Alert.id)
    while True:
        first = session.scalars(due.limit(1).with_for_update(skip_locked=True)).one_or_none()
        if first is None:
            return None
        if first.lease is not None:
            return _lease(_same_mail(session, first.lease), lease=first.lease, now=now)
        if first.kind in _BY_ITSELF:
            return _lease([first], lease=at.new_id(), now=now)
        together = session.scalars(
            due.where(Alert.address == first.address, Alert.lease.is_(None), Alert.kind.not_in(_BY_ITSELF))
            .limit(MOST_JOINED)
            .with_for_update(skip_locked=True)
        ).all()
        free_at = _free_at(session, first.address, now)
        if free_at is None:
            return _lease(together, lease=at.new_id(), now=now)
        for alert in together:
            alert.not_before = free_at
        session.flush()


def mark(session: Session, at: Installation, claim: Claim, outcome: Outcome, *, jitter: Callable[[], float]) -> int:
    """Write down what became of the mail, with a leaf for each alert, and return for how many.

    Only rows whose lease is still this worker's are touched. What is given up is told to the authority. While the log
    is frozen nothing is recorded.
    """
    mine = _lock_own(session, claim)
    now, spread = at.now(), jitter()
    events = [(alert, _apply(alert, outcome, now=now, jitter=spread)) for alert in mine]
    abandoned = [alert for alert, event in events if event is Event.ALERT_ABANDONED]
    for authority_id in _authorities_to_tell(session, abandoned):
        alert_authority(session, at, AlertKind.ALERT_UNDELIVERABLE, authority_id)
    if not is_log_frozen(session):
        record_all(session, at, [_leaf(alert, event) for alert, event in events])
    return len(mine)


def withdraw(session: Session, at: Installation, claim: Claim) -> None:
    """Take a claimed mail out of the outbox that is not to go out any more, with a leaf for each alert.

    While the log is frozen it stays as it is.
    """
    if is_log_frozen(session):
        return
    record_all(session, at, [withdraw_alert(at, alert) for alert in _lock_own(session, claim)])


def _lock_own(session: Session, claim: Claim) -> Sequence[Alert]:
    """Return the claimed rows, locked, whose lease is still this worker's: else another may have sent them again."""
    return session.scalars(
        select(Alert)
        .where(
            Alert.id.in_([alert.id for alert in claim.alerts]),
            Alert.state == AlertState.PENDING,
            Alert.lease == claim.lease,
            Alert.leased_until == claim.until,
        )
        .order_by(Alert.id)
        .with_for_update()
    ).all()


def _due(now: datetime, *, is_frozen: bool) -> Select[Alert]:
    due = select(Alert).where(
        Alert.state == AlertState.PENDING,
        or_(Alert.not_before <= now, Alert.not_before > now + FARTHEST),
        or_(Alert.leased_until.is_(None), Alert.leased_until <= now, Alert.leased_until > now + FARTHEST),
    )
    return due.where(Alert.kind == AlertKind.LOG_FROZEN.value) if is_frozen else due


def _same_mail(session: Session, lease: UUID) -> list[Alert]:
    """Return the alerts that were in one mail, waiting for each lock: without one of them it would be another mail."""
    return list(
        session.scalars(
            select(Alert)
            .where(Alert.lease == lease, Alert.state == AlertState.PENDING)
            .order_by(Alert.id)
            .with_for_update()
        )
    )


def _lease(alerts: Iterable[Alert], *, lease: UUID, now: datetime) -> Claim:
    chosen = tuple(sorted(alerts, key=lambda alert: alert.id))
    for alert in chosen:
        alert.lease, alert.leased_until = lease, now + LEASE
    return Claim(lease, now + LEASE, chosen)


def _free_at(session: Session, address: str, now: datetime) -> datetime | None:
    """Return when the address may have the next joined mail, None where at once."""
    last = session.scalar(
        select(func.max(Alert.finished_at)).where(
            Alert.address == address,
            Alert.finished_at > now - MAILS_APART,
            Alert.finished_at <= now,
            Alert.state == AlertState.SENT,
            Alert.kind.not_in(_BY_ITSELF),
        )
    )
    return None if last is None else last + MAILS_APART


def _apply(alert: Alert, outcome: Outcome, *, now: datetime, jitter: float) -> Event:
    """Write the outcome into the row and return the event that it is."""
    alert.attempts += 1
    alert.leased_until = None
    alert.last_outcome = say_outcome(outcome)
    if isinstance(outcome, Delivered):
        alert.state, alert.finished_at, alert.secret = AlertState.SENT, now, None
        return Event.ALERT_SENT
    if isinstance(outcome, PermanentFailure) or is_given_up(alert.attempts):
        alert.state, alert.finished_at = AlertState.GIVEN_UP, now
        if alert.kind in CARRY_A_LINK:
            alert.secret = None  # a new link is made for another mail
        return Event.ALERT_ABANDONED
    alert.not_before = next_attempt_at(now, attempts=alert.attempts, jitter=jitter)
    return Event.ALERT_FAILED


def say_outcome(outcome: Outcome) -> str:
    """Name an outcome by its class and code alone, as the row and the log line show it."""
    match outcome:
        case Delivered():
            return "delivered"
        case PermanentFailure(code):
            return f"permanent:{code}"
        case TemporaryFailure(code):
            return f"temporary:{code}"
        case unreachable:
            return f"unreachable:{unreachable.why}"


def _leaf(alert: Alert, event: Event) -> Entry:
    return entry(
        None,
        event,
        basis=Basis.SCHEDULE,
        subject=alert.id,
        org=alert.organisation_id,
        transfer=alert.transfer_id,
        dispatch=alert.dispatch_id,
    )


def _authorities_to_tell(session: Session, abandoned: Iterable[Alert]) -> list[UUID]:
    """Find the authorities of the schools or people that an alert could not reach, each once."""
    found: dict[UUID, None] = {}
    for alert in abandoned:
        if alert.kind in _TOLD_TO_NOBODY:
            continue
        if alert.organisation_id is not None:
            places = [alert.organisation_id]
        else:
            memberships = session.scalars(
                select(Membership).where(
                    Membership.person_id == alert.person_id, Membership.state != MembershipState.ENDED
                )
            )
            places = [place for one in memberships if (place := one.organisation_id) is not None]
        for place in places:
            school = session.get(School, place)
            authority_id = school.authority_id if school else place
            if session.get(Authority, authority_id) is not None:
                found[authority_id] = None
    return list(found)
