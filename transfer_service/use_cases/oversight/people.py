"""The people of an authority, and the first people of its schools, whom its officers invite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Membership, Person, School
from transfer_service.db.queries import compliance as compliance_queries
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import people as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, MembershipState, Role, authority_of
from transfer_service.domain.search import fold_for_search
from transfer_service.use_cases.oversight.scope import get_own_school
from transfer_service.use_cases.people.letting_begin_again import may_let_begin_again

MOST_FOUND = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One role of one person; `name` is empty until the invitation was accepted."""

    membership_id: UUID
    name: str
    email: str
    role: Role
    state: MembershipState
    since: datetime
    is_own: bool
    may_begin_again: bool
    """Whether the actor may let the person begin again with the same address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSchool:
    """A school of the authority, with what tells it from its namesakes."""

    urn: str
    name: str
    town: str
    telephone: str
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSomewhere:
    """One role of one person; `school` is None for one at the authority itself."""

    person: Colleague
    school: FoundSchool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolPeople:
    """A school with its people, as its authority sees them."""

    school_id: UUID
    school: FoundSchool
    people: tuple[Colleague, ...]
    key_holders: int


def list_officers(session: Session, actor: Actor) -> list[Colleague]:
    """List the people of the actor's authority by name; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.PEOPLE_LIST)
    return _colleagues(actor, queries.list_members(session, authority_id=authority_id))


def get_person(session: Session, actor: Actor, *, membership_id: UUID) -> PersonSomewhere:
    """Return one role at the actor's authority or at one of its schools; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.PEOPLE_LIST)
    row = queries.find_membership(session, membership_id)
    if (
        row is None
        or row.authority is None
        or row.authority.id != authority_id
        or row.membership.state is MembershipState.ENDED
    ):
        raise NotFound("person")
    (person,) = _colleagues(actor, [(row.membership, row.person)])
    return PersonSomewhere(person=person, school=_shown(row.school) if row.school else None)


def find_own_schools(session: Session, actor: Actor, *, text: str) -> list[FoundSchool]:
    """Find schools of the authority by the beginnings of words of name, town or postcode, or by URN."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.PEOPLE_LIST)
    words = fold_for_search(text).split()
    found = [
        _shown(school)
        for school in compliance_queries.list_schools(session, authority_id=authority_id)
        if words and all(f" {word}" in f" {school.search_name} {school.urn}" for word in words)
    ]
    return sorted(found, key=lambda school: school.is_closed)[:MOST_FOUND]


def list_own_schools(session: Session, actor: Actor) -> list[FoundSchool]:
    """List every school of the authority by name, for a list to choose from; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.PEOPLE_LIST)
    return [_shown(school) for school in compliance_queries.list_schools(session, authority_id=authority_id)]


def get_school_people(session: Session, actor: Actor, *, urn: str) -> SchoolPeople:
    """Return who belongs to a school of the authority; raises NotFound, PermissionRefused."""
    school = get_own_school(session, actor, urn=urn)
    permissions.check(actor, Permission.PEOPLE_LIST)
    return SchoolPeople(
        school_id=school.id,
        school=_shown(school),
        people=tuple(_colleagues(actor, queries.list_members(session, school_id=school.id))),
        key_holders=key_queries.count_holders(session, school.id),
    )


def _colleagues(actor: Actor, members: Sequence[tuple[Membership, Person]]) -> list[Colleague]:
    return [
        Colleague(
            membership_id=membership.id,
            name=queries.say_name(membership, person),
            email=person.email,
            role=membership.role,
            state=membership.state,
            since=membership.created_at,
            is_own=person.id == actor.person_id,
            may_begin_again=may_let_begin_again(
                actor, membership.role, membership.state, is_self=person.id == actor.person_id
            ),
        )
        for membership, person in members
    ]


def _shown(school: School) -> FoundSchool:
    return FoundSchool(
        urn=school.urn,
        name=school.name,
        town=school.town,
        telephone=school.telephone,
        is_closed=school.is_closed,
    )
