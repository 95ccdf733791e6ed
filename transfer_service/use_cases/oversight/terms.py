"""An authority's calendar as its officers keep it: one term or closed day at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Authority
from transfer_service.db.queries import calendars as queries
from transfer_service.domain import permissions
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.calendars import TermDates, replace_terms
from transfer_service.use_cases.installation import Installation


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day on which all schools of the authority are closed."""

    closed_on: date
    kind: ClosureKind


@dataclass(frozen=True, slots=True)
class AuthorityCalendar:
    """Terms and closed days in the order of their dates."""

    terms: tuple[TermDates, ...]
    closures: tuple[ClosedDay, ...]


def get_calendar(session: Session, actor: Actor) -> AuthorityCalendar:
    """Return the calendar of the actor's authority; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.AUTHORITY_CALENDAR_EDIT)
    return AuthorityCalendar(
        terms=tuple(_list_terms(session, actor)),
        closures=tuple(
            ClosedDay(one.closed_on, ClosureKind(one.kind))
            for one in queries.list_closures(session, authority_id=authority_id)
            if one.school_id is None
        ),
    )


def add_term(session: Session, at: Installation, actor: Actor, *, term: TermDates) -> None:
    """Add a stretch of term to the others; due dates that were counted before stay. Raises Invalid on an overlap."""
    authority = _lock(session, actor)
    replace_terms(session, at, actor, authority_id=authority.id, terms=[*_list_terms(session, actor), term])


def remove_term(session: Session, at: Installation, actor: Actor, *, starts_on: date) -> None:
    """Take the stretch of term that starts on a day out again; raises NotFound."""
    authority = _lock(session, actor)
    terms = _list_terms(session, actor)
    rest = [term for term in terms if term.starts_on != starts_on]
    if len(rest) == len(terms):
        raise NotFound("term")
    replace_terms(session, at, actor, authority_id=authority.id, terms=rest)


def _lock(session: Session, actor: Actor) -> Authority:
    """Hold the authority's row, so that of two people who edit at once nobody's term is lost."""
    return session.scalars(select(Authority).where(Authority.id == authority_of(actor)).with_for_update()).one()


def _list_terms(session: Session, actor: Actor) -> list[TermDates]:
    return [
        TermDates(one.starts_on, one.ends_on, one.begins_new_term)
        for one in queries.list_terms(session, authority_id=authority_of(actor))
    ]
