"""Who is at a place, in which roles, and who of them holds the school's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Membership, Person
from transfer_service.db.queries import people as people_queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import ROLES_OF, Actor, MembershipState, OrganisationKind, Role
from transfer_service.use_cases.keys.granting import HolderState, KeyHolder, KeyHolderSummary, summarise_key_holders
from transfer_service.use_cases.people.inviting import roles_that_may_be_invited


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One person in one role at the actor's place. `holder` is None for roles that hold no keys."""

    membership_id: UUID
    name: str
    """Empty until an invitation was accepted."""
    email: str
    role: Role
    state: MembershipState
    since: datetime
    is_self: bool
    holder: KeyHolder | None

    @property
    def holds_key(self) -> bool:
        """Whether the person can open what is sealed to the school now."""
        return self.holder is not None and self.holder.state is HolderState.GRANTED

    @property
    def waits_for_key(self) -> bool:
        """Whether the person has made a key of their own, and no colleague has granted them the school's."""
        return (
            self.holder is not None
            and self.holder.state is HolderState.KEY_MADE
            and self.state in (MembershipState.AWAITING_APPROVAL, MembershipState.ACTIVE)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleHere:
    """Everybody at the actor's place. `keys` is None where there are none to hold: at an authority."""

    colleagues: tuple[Colleague, ...]
    keys: KeyHolderSummary | None


def list_people(session: Session, actor: Actor) -> PeopleHere:
    """List the people of the actor's place who have not left; three statements at most. Raises PermissionRefused."""
    permissions.check(actor, Permission.PEOPLE_LIST)
    is_school = actor.organisation_kind is OrganisationKind.SCHOOL
    is_authority = actor.organisation_kind is OrganisationKind.AUTHORITY
    rows = people_queries.list_members(
        session,
        school_id=actor.organisation_id if is_school else None,
        authority_id=actor.organisation_id if is_authority else None,
    )
    keys = summarise_key_holders(session, actor.organisation_id) if is_school and actor.organisation_id else None
    holders = {holder.membership_id: holder for holder in keys.holders} if keys else {}
    return PeopleHere(
        colleagues=tuple(
            sorted(
                (_colleague(actor, membership, person, holders.get(membership.id)) for membership, person in rows),
                key=lambda colleague: (colleague.name, colleague.email, colleague.since),
            )
        ),
        keys=keys,
    )


def get_colleague(session: Session, actor: Actor, *, membership_id: UUID) -> Colleague:
    """Return one person of the actor's place; raises NotFound, PermissionRefused."""
    for colleague in list_people(session, actor).colleagues:
        if colleague.membership_id == membership_id:
            return colleague
    raise NotFound("colleague")


def list_roles_to_invite(actor: Actor) -> tuple[Role, ...]:
    """List the roles of the actor's own place that the actor may invite somebody into."""
    allowed = roles_that_may_be_invited(actor) & ROLES_OF[actor.organisation_kind]
    return tuple(role for role in Role if role in allowed)


def _colleague(actor: Actor, membership: Membership, person: Person, holder: KeyHolder | None) -> Colleague:
    return Colleague(
        membership_id=membership.id,
        name=people_queries.say_name(membership, person),
        email=person.email,
        role=membership.role,
        state=membership.state,
        since=membership.created_at,
        is_self=person.id == actor.person_id,
        holder=holder,
    )
