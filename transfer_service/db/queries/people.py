"""What is read about people: who belongs where, who waits for approval, and where one person may act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from transfer_service.db.models import (
    Authority,
    Invitation,
    KeyGrant,
    Membership,
    Person,
    PersonKey,
    School,
    SchoolEpoch,
    Unlock,
)
from transfer_service.domain.keys import GranteeKind, KeyState, UnlockKind
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRow:
    """A membership with its person and place; neither school nor authority is the installation."""

    membership: Membership
    person: Person
    school: School | None
    authority: Authority | None
    """The authority that the membership is at, or that the school belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    """An invitation with the membership that it offers."""

    invitation: Invitation
    membership: Membership
    person: Person
    school: School | None
    authority: Authority | None


def tidy_email(email: str) -> str:
    """Return an address as it is stored and compared: without gaps around it, in lower case."""
    return email.strip().casefold()


def say_name(membership: Membership, person: Person) -> str:
    """Return a person's name as those at the membership's place may see it: empty until the invitation was accepted.

    Else whoever invites an address would learn whether it has an account, and whose it is.
    """
    return "" if membership.state is MembershipState.INVITED else person.name


def list_active_people(
    session: Session, roles: Iterable[Role], *, school_id: UUID | None = None, authority_id: UUID | None = None
) -> list[Person]:
    """List everybody who holds one of the roles now, each once, by address: at a school, an authority, or anywhere."""
    people = (
        select(Person)
        .join(Membership)
        .where(Membership.role.in_(list(roles)), Membership.state == MembershipState.ACTIVE)
        .distinct()
        .order_by(Person.email)
    )
    if school_id is not None:
        people = people.where(Membership.school_id == school_id)
    if authority_id is not None:
        people = people.where(Membership.authority_id == authority_id)
    return list(session.scalars(people))


def find_person_by_email(session: Session, email: str, *, lock: bool = False) -> Person | None:
    """Return the person with this address; locked until the commit where that is asked for."""
    wanted = select(Person).where(Person.email == tidy_email(email))
    return session.scalar(wanted.with_for_update() if lock else wanted)


def find_membership_at(
    session: Session, membership_id: UUID, *, school_id: UUID | None
) -> tuple[Membership, Person] | None:
    """Return a membership and its person where it is at this school."""
    if school_id is None:
        return None
    row = session.execute(
        select(Membership, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.id == membership_id, Membership.school_id == school_id)
    ).first()
    return None if row is None else (row[0], row[1])


def find_membership(session: Session, membership_id: UUID) -> MembershipRow | None:
    """Return a membership with its person and place."""
    row = session.execute(
        select(Membership, Person, School, Authority)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(School, School.id == Membership.school_id)
        .outerjoin(Authority, Authority.id == _authority_id())
        .where(Membership.id == membership_id)
    ).first()
    if row is None:
        return None
    return MembershipRow(membership=row[0], person=row[1], school=row[2], authority=row[3])


def list_memberships_of_person(session: Session, person_id: UUID) -> list[MembershipRow]:
    """List where one person belongs and has not left, schools first by name; one statement."""
    rows = session.execute(
        select(Membership, Person, School, Authority)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(School, School.id == Membership.school_id)
        .outerjoin(Authority, Authority.id == _authority_id())
        .where(Membership.person_id == person_id, Membership.state != MembershipState.ENDED)
        .order_by(School.name.is_(None), School.name, School.urn, Authority.name, Membership.created_at)
    )
    return [MembershipRow(membership=row[0], person=row[1], school=row[2], authority=row[3]) for row in rows]


def list_members(
    session: Session,
    *,
    school_id: UUID | None = None,
    authority_id: UUID | None = None,
    with_ended: bool = False,
) -> list[tuple[Membership, Person]]:
    """List the people of one school, of one authority, or with neither of the installation, by name."""
    wanted = select(Membership, Person).join(Person, Person.id == Membership.person_id)
    if school_id is not None:
        wanted = wanted.where(Membership.school_id == school_id)
    elif authority_id is not None:
        wanted = wanted.where(Membership.authority_id == authority_id)
    else:
        wanted = wanted.where(Membership.school_id.is_(None), Membership.authority_id.is_(None))
    if not with_ended:
        wanted = wanted.where(Membership.state != MembershipState.ENDED)
    rows = session.execute(wanted.order_by(Person.name, Person.email, Membership.created_at))
    return [(membership, person) for membership, person in rows]


def list_awaiting_first_holders(session: Session, authority_id: UUID) -> list[tuple[Membership, Person, School]]:
    """List who waits for an officer: key-holding roles at schools of the authority whose key nobody holds."""
    is_held = (
        select(KeyGrant.id)
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .where(
            SchoolEpoch.school_id == School.id,
            SchoolEpoch.state == KeyState.ACTIVE,
            KeyGrant.grantee_kind == GranteeKind.PERSON,
        )
        .exists()
    )
    rows = session.execute(
        select(Membership, Person, School)
        .join(Person, Person.id == Membership.person_id)
        .join(School, School.id == Membership.school_id)
        .where(
            School.authority_id == authority_id,
            Membership.state == MembershipState.AWAITING_APPROVAL,
            Membership.role.in_(KEY_HOLDING_ROLES),
            ~is_held,
        )
        .order_by(Membership.created_at, Membership.id)
    )
    return [(membership, person, school) for membership, person, school in rows]


def find_live_memberships(
    session: Session, person_id: UUID, *, school_id: UUID | None, authority_id: UUID | None
) -> list[Membership]:
    """List a person's memberships at one place that have not ended."""
    return list(
        session.scalars(
            select(Membership).where(
                Membership.person_id == person_id,
                _is(Membership.school_id, school_id),
                _is(Membership.authority_id, authority_id),
                Membership.state != MembershipState.ENDED,
            )
        )
    )


def has_taken_up_role(session: Session, person_id: UUID) -> bool:
    """Tell whether a person has a role anywhere that was taken up and has not ended, also one that rests or waits."""
    return (
        session.scalar(
            select(Membership.id)
            .where(
                Membership.person_id == person_id,
                Membership.state.not_in([MembershipState.INVITED, MembershipState.ENDED]),
            )
            .limit(1)
        )
        is not None
    )


def find_invitation(session: Session, token_hash: bytes) -> InvitationRow | None:
    """Return an invitation by the hash of its link's token."""
    row = session.execute(
        select(Invitation, Membership, Person, School, Authority)
        .join(Membership, Membership.id == Invitation.membership_id)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(School, School.id == Membership.school_id)
        .outerjoin(Authority, Authority.id == _authority_id())
        .where(Invitation.token_hash == token_hash)
    ).first()
    if row is None:
        return None
    return InvitationRow(invitation=row[0], membership=row[1], person=row[2], school=row[3], authority=row[4])


def list_schools_held(session: Session, person_id: UUID) -> list[UUID]:
    """List the schools at which a person is in a key-holding role, or was granted a key."""
    by_role = select(Membership.school_id).where(
        Membership.person_id == person_id,
        Membership.role.in_(KEY_HOLDING_ROLES),
        Membership.state != MembershipState.ENDED,
    )
    by_grant = (
        select(SchoolEpoch.school_id)
        .join(KeyGrant, KeyGrant.school_epoch_id == SchoolEpoch.id)
        .where(KeyGrant.grantee_kind == GranteeKind.PERSON, KeyGrant.grantee_id == person_id)
    )
    return [school_id for school_id in session.scalars(by_role.union(by_grant)) if school_id is not None]


def holds_active_key(session: Session, person_id: UUID, school_id: UUID) -> bool:
    """Tell whether the active epoch of a school is granted to the key that the person has now."""
    return (
        session.scalar(
            select(KeyGrant.id)
            .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
            .join(
                PersonKey,
                and_(PersonKey.person_id == KeyGrant.grantee_id, PersonKey.version == KeyGrant.grantee_version),
            )
            .where(
                SchoolEpoch.school_id == school_id,
                SchoolEpoch.state == KeyState.ACTIVE,
                KeyGrant.grantee_kind == GranteeKind.PERSON,
                KeyGrant.grantee_id == person_id,
                PersonKey.state == KeyState.ACTIVE,
            )
            .limit(1)
        )
        is not None
    )


def get_person_with_code(session: Session, person_id: UUID) -> tuple[Person, bool]:
    """Return a person, and whether a confirmed recovery code is there that was not used; one statement."""
    has_code = (
        select(Unlock.id)
        .where(
            Unlock.person_id == Person.id,
            Unlock.kind == UnlockKind.RECOVERY_CODE,
            Unlock.confirmed_at.is_not(None),
            Unlock.used_at.is_(None),
        )
        .exists()
    )
    person, found = session.execute(select(Person, has_code).where(Person.id == person_id)).one()
    return person, bool(found)


def _authority_id() -> ColumnElement[UUID]:
    return func.coalesce(Membership.authority_id, School.authority_id)


def _is(column: InstrumentedAttribute[UUID | None], value: UUID | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value
