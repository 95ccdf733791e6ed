"""What is left to somebody who cannot read files: who can help, told as it is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import people as people_queries
from transfer_service.db.queries.people import MembershipRow
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState, Role
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.recovery_codes import has_confirmed_code
from transfer_service.use_cases.people.reset_links import get_person_of_token


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolWays:
    """One school at which a person is in a key-holding role, and who there can grant the key."""

    school_id: UUID
    name: str
    where: str
    authority: str
    telephone: str
    """Of the school, from the national register: an officer calls that number. Empty where it gives none."""
    role: Role
    is_waiting: bool
    """Whether the role waits for an officer or a colleague."""
    other_holders: int
    """How many other people hold the school's key now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysBack:
    """The ways to reading files that a person still has, for a forgotten password."""

    email: str
    has_recovery_code: bool
    schools: tuple[SchoolWays, ...]


def list_ways_back(session: Session, at: Installation, *, token: str) -> WaysBack:
    """List the ways that the person behind a mailed link has; raises RuleForbids for a link that is over."""
    person = get_person_of_token(session, at, token)
    return WaysBack(
        email=person.email,
        has_recovery_code=has_confirmed_code(session, person.id),
        schools=_schools(session, person.id),
    )


def list_waiting_schools(session: Session, actor: Actor) -> tuple[SchoolWays, ...]:
    """List the schools at which the actor's own key-holding role waits, with who can help."""
    return tuple(school for school in _schools(session, actor.person_id) if school.is_waiting)


def _schools(session: Session, person_id: UUID) -> tuple[SchoolWays, ...]:
    """Gather by school; a person with two such roles at one school counts with the one that waits."""
    found: dict[UUID, SchoolWays] = {}
    for row in people_queries.list_memberships_of_person(session, person_id):
        membership = row.membership
        if membership.role in KEY_HOLDING_ROLES and membership.state in (
            MembershipState.ACTIVE,
            MembershipState.AWAITING_APPROVAL,
        ):
            ways = _ways(session, row, person_id)
            if ways is not None and (ways.is_waiting or ways.school_id not in found):
                found[ways.school_id] = ways
    return tuple(found.values())


def _ways(session: Session, row: MembershipRow, person_id: UUID) -> SchoolWays | None:
    school = row.school
    if school is None:
        return None
    holders = key_queries.count_holders(session, school.id)
    holds = people_queries.holds_active_key(session, person_id, school.id)
    return SchoolWays(
        school_id=school.id,
        name=school.name,
        where=", ".join(part for part in (school.town, f"URN {school.urn}") if part),
        authority=row.authority.name if row.authority else "",
        telephone=school.telephone,
        role=row.membership.role,
        is_waiting=row.membership.state is MembershipState.AWAITING_APPROVAL,
        other_holders=holders - holds,
    )
