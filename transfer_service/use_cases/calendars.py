"""The calendars of schools, and both clocks of a dispatch counted by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Authority, Closure, School, Term
from transfer_service.db.queries import calendars as queries
from transfer_service.domain import calendars, deadlines, permissions
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.deadlines import CalendarOf, ClockDates, ClockRule, Due
from transfer_service.domain.errors import AlreadyDone, Invalid, NotFound
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, OrganisationKind
from transfer_service.domain.transfer import TransferKind
from transfer_service.interchange.bank_holidays import bank_holidays
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record

RECEIVER = "receiver"
"""The key of the receiver's rule among an authority's clock rules; the others are kinds of transfer."""


@dataclass(frozen=True, slots=True)
class TermDates:
    """One stretch of term as an authority enters it."""

    starts_on: date
    ends_on: date
    begins_new_term: bool = True


def get_school_calendar(session: Session, school: School, *, around: date) -> calendars.Calendar:
    """Return a school's calendar: its authority's terms, all closures that bind it, and England's bank holidays.

    The bank holidays are those from the year before `around` to two years after it.
    """
    authority = session.get_one(Authority, school.authority_id)
    terms = queries.list_terms(session, authority_id=authority.id)
    closures = queries.list_closures(session, authority_id=authority.id, school_id=school.id)
    return calendars.Calendar(
        terms=tuple(calendars.Term(term.starts_on, term.ends_on, term.begins_new_term) for term in terms),
        closures=frozenset(closure.closed_on for closure in closures),
        bank_holidays=bank_holidays(range(around.year - 1, around.year + 3)),
        name=authority.name,
    )


def get_sender_due(
    session: Session, kind: TransferKind, dates: ClockDates, *, sending: School, receiving: School
) -> Due:
    """Return by when the sending school sends, by the rule of its authority for this kind of move."""
    rule = _rule(session, sending, kind.value) or deadlines.DEFAULT_RULES[kind]
    return _due(session, rule, dates, sending=sending, receiving=receiving)


def get_receiver_due(session: Session, delivered_on: date, *, sending: School, receiving: School) -> Due:
    """Return by when the receiving school acknowledges, by the rule of its authority, counted from the delivery."""
    rule = _rule(session, receiving, RECEIVER) or deadlines.DEFAULT_RECEIVER_RULE
    return _due(session, rule, ClockDates(sent_on=delivered_on), sending=sending, receiving=receiving)


def _rule(session: Session, school: School, name: str) -> ClockRule | None:
    rules: Mapping[str, Any] = session.get_one(Authority, school.authority_id).clock_rules or {}
    return ClockRule.from_mapping(rules[name]) if name in rules else None


def _due(session: Session, rule: ClockRule, dates: ClockDates, *, sending: School, receiving: School) -> Due:
    school = sending if rule.calendar is CalendarOf.SENDING_SCHOOL else receiving
    known = (dates.sent_on, dates.starts_on, dates.leaving_on, dates.destination_confirmed_on)
    around = max((day for day in known if day is not None), default=None)
    if around is None:
        return deadlines.due_on(rule, calendars.Calendar(name=school.name), dates)
    return deadlines.due_on(rule, get_school_calendar(session, school, around=around), dates)


def replace_terms(
    session: Session, at: Installation, actor: Actor | None, *, authority_id: UUID, terms: Sequence[TermDates]
) -> None:
    """Replace an authority's term dates; `actor` is None on the command line.

    Due dates that were counted before stay as they are. Raises Invalid where two terms overlap or one ends before it
    starts.
    """
    if actor is not None:
        if actor.organisation_kind is not OrganisationKind.AUTHORITY or actor.organisation_id != authority_id:
            raise NotFound("authority")
        permissions.check(actor, Permission.AUTHORITY_CALENDAR_EDIT)
    ordered = sorted(terms, key=lambda term: term.starts_on)
    if any(term.ends_on < term.starts_on for term in ordered):
        raise Invalid({"terms": ["A term ends before it starts. Enter an end date on or after the start date"]})
    if any(later.starts_on <= earlier.ends_on for earlier, later in pairwise(ordered)):
        raise Invalid({"terms": ["Two terms overlap. Enter dates that follow one another"]})
    for old in queries.list_terms(session, authority_id=authority_id):
        session.delete(old)
    session.flush()
    session.add_all(
        Term(
            id=at.new_id(),
            authority_id=authority_id,
            starts_on=term.starts_on,
            ends_on=term.ends_on,
            begins_new_term=term.begins_new_term,
        )
        for term in ordered
    )
    basis = Basis.ROLE if actor else Basis.COMMAND_LINE
    record(session, at, actor, Event.CALENDAR_CHANGED, basis=basis, subject=authority_id, org=authority_id)


def add_closure(session: Session, at: Installation, actor: Actor, *, closed_on: date, kind: ClosureKind) -> UUID:
    """Record a day on which the actor's school, or all schools of the actor's authority, are closed; return its id."""
    authority_id, school_id = _whose_calendar(session, actor)
    _check_may_edit(actor)
    if queries.find_closure(session, authority_id=authority_id, school_id=school_id, day=closed_on):
        raise AlreadyDone("add_closure", "This day is already recorded as closed. Nothing was changed.")
    closure = Closure(
        id=at.new_id(), authority_id=authority_id, school_id=school_id, closed_on=closed_on, kind=kind.value
    )
    session.add(closure)
    record(session, at, actor, Event.CALENDAR_CHANGED, basis=Basis.ROLE, subject=closure.id)
    return closure.id


def remove_closure(session: Session, at: Installation, actor: Actor, *, closed_on: date) -> None:
    """Take a closed day of the actor's school or authority out again."""
    authority_id, school_id = _whose_calendar(session, actor)
    _check_may_edit(actor)
    closure = queries.find_closure(session, authority_id=authority_id, school_id=school_id, day=closed_on)
    if closure is None:
        raise NotFound("closed day")
    session.delete(closure)
    record(session, at, actor, Event.CALENDAR_CHANGED, basis=Basis.ROLE, subject=closure.id)


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day on which the actor's school is closed; `is_own` where the school, not its authority, recorded it."""

    closed_on: date
    kind: ClosureKind
    is_own: bool


def list_closed_days(session: Session, actor: Actor) -> list[ClosedDay]:
    """List the recorded days on which the actor's school, or all schools of the actor's authority, are closed."""
    authority_id, school_id = _whose_calendar(session, actor)
    _check_may_edit(actor)
    return [
        ClosedDay(row.closed_on, ClosureKind(row.kind), row.school_id == school_id)
        for row in queries.list_closures(session, authority_id=authority_id, school_id=school_id)
    ]


def _whose_calendar(session: Session, actor: Actor) -> tuple[UUID, UUID | None]:
    """The authority and, for a school's people, the school whose calendar the actor edits."""
    if actor.organisation_id is None:
        raise NotFound("calendar")
    if actor.organisation_kind is OrganisationKind.AUTHORITY:
        return actor.organisation_id, None
    return session.get_one(School, actor.organisation_id).authority_id, actor.organisation_id


def _check_may_edit(actor: Actor) -> None:
    is_school = actor.organisation_kind is OrganisationKind.SCHOOL
    permissions.check(actor, Permission.SCHOOL_CALENDAR_EDIT if is_school else Permission.AUTHORITY_CALENDAR_EDIT)
