"""What is read about keys: who holds them, since when, and what waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import (
    Dispatch,
    ItemGrant,
    KeyGrant,
    Membership,
    Person,
    PersonKey,
    School,
    SchoolEpoch,
    Transfer,
)
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState
from transfer_service.domain.transfer import DispatchKind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRoleRow:
    """One person in a key-holding role at a school, with what there is of keys."""

    membership: Membership
    person: Person
    key_made_at: datetime | None
    granted_at: datetime | None
    """When the school's active epoch was granted to the key that the person has now."""


def list_key_roles(session: Session, school_id: UUID) -> list[KeyRoleRow]:
    """List everybody in a key-holding role at a school that has not ended, by name; one statement."""
    rows = session.execute(
        select(Membership, Person, PersonKey.created_at, KeyGrant.created_at)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(PersonKey, and_(PersonKey.person_id == Person.id, PersonKey.state == KeyState.ACTIVE))
        .outerjoin(
            SchoolEpoch, and_(SchoolEpoch.school_id == Membership.school_id, SchoolEpoch.state == KeyState.ACTIVE)
        )
        .outerjoin(
            KeyGrant,
            and_(
                KeyGrant.school_epoch_id == SchoolEpoch.id,
                KeyGrant.grantee_kind == GranteeKind.PERSON,
                KeyGrant.grantee_id == Person.id,
                KeyGrant.grantee_version == PersonKey.version,
            ),
        )
        .where(
            Membership.school_id == school_id,
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.state != MembershipState.ENDED,
        )
        .order_by(Person.name, Person.email, Membership.created_at)
    )
    return [
        KeyRoleRow(membership=membership, person=person, key_made_at=made, granted_at=granted)
        for membership, person, made, granted in rows
    ]


def count_holders(session: Session, school_id: UUID) -> int:
    """Count the people whom the active epoch of a school is granted to."""
    counted = (
        select(func.count(KeyGrant.grantee_id.distinct()))
        .select_from(SchoolEpoch)
        .join(KeyGrant, _grants_of_active())
        .where(SchoolEpoch.school_id == school_id)
    )
    return session.scalar(counted) or 0


def list_holder_counts(session: Session, authority_id: UUID) -> list[tuple[School, int]]:
    """List an authority's schools that have members, with how many people hold each school's key; one statement."""
    counts = (
        select(SchoolEpoch.school_id.label("school_id"), func.count(KeyGrant.grantee_id.distinct()).label("holders"))
        .join(KeyGrant, _grants_of_active())
        .group_by(SchoolEpoch.school_id)
        .subquery()
    )
    has_members = (
        select(Membership.id)
        .where(Membership.school_id == School.id, Membership.state != MembershipState.ENDED)
        .exists()
    )
    rows = session.execute(
        select(School, func.coalesce(counts.c.holders, 0))
        .outerjoin(counts, counts.c.school_id == School.id)
        .where(School.authority_id == authority_id, or_(has_members, counts.c.holders > 0))
        .order_by(School.name, School.urn)
    )
    return [(school, int(count)) for school, count in rows]


def list_grants_to_person(session: Session, person_id: UUID, school_id: UUID) -> list[tuple[KeyGrant, SchoolEpoch]]:
    """List what a person was granted of a school's key, oldest epoch first."""
    rows = session.execute(
        select(KeyGrant, SchoolEpoch)
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .where(
            KeyGrant.grantee_kind == GranteeKind.PERSON,
            KeyGrant.grantee_id == person_id,
            SchoolEpoch.school_id == school_id,
        )
        .order_by(SchoolEpoch.number)
    )
    return [(grant, epoch) for grant, epoch in rows]


def list_holder_keys(session: Session, epoch_id: UUID) -> list[PersonKey]:
    """List the keys in use of everybody who holds an epoch and is still entitled to it at its school."""
    return list(
        session.scalars(
            select(PersonKey)
            .join(
                KeyGrant,
                and_(
                    KeyGrant.grantee_kind == GranteeKind.PERSON,
                    KeyGrant.grantee_id == PersonKey.person_id,
                    KeyGrant.grantee_version == PersonKey.version,
                ),
            )
            .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
            .where(
                SchoolEpoch.id == epoch_id,
                PersonKey.state == KeyState.ACTIVE,
                select(Membership.id)
                .where(
                    Membership.person_id == PersonKey.person_id,
                    Membership.school_id == SchoolEpoch.school_id,
                    Membership.role.in_(KEY_HOLDING_ROLES),
                    Membership.state == MembershipState.ACTIVE,
                )
                .exists(),
            )
            .order_by(PersonKey.created_at, PersonKey.id)
        )
    )


def list_undestroyed_epochs(session: Session, school_id: UUID) -> list[SchoolEpoch]:
    """List the epochs of a school's key that can still open something, oldest first."""
    return list(
        session.scalars(
            select(SchoolEpoch)
            .where(SchoolEpoch.school_id == school_id, SchoolEpoch.state != KeyState.DESTROYED)
            .order_by(SchoolEpoch.number)
        )
    )


def find_last_key_leaver(session: Session, school_id: UUID) -> datetime | None:
    """Return when the last approved holder of a school's key left, or None where nobody did."""
    return session.scalar(
        select(func.max(Membership.ended_at)).where(
            Membership.school_id == school_id,
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.approved_at.is_not(None),
        )
    )


def list_waiting_dispatches(session: Session, receiving_school_id: UUID) -> Sequence[tuple[Dispatch, UUID]]:
    """List what waits for a school's key, each with the school that sent it, oldest first."""
    rows = session.execute(
        select(Dispatch, Transfer.sending_school_id)
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .where(Dispatch.receiving_school_id == receiving_school_id, Dispatch.status == Status.WAITING)
        .order_by(Dispatch.sent_at)
    )
    return [(dispatch, sender) for dispatch, sender in rows]


def list_unheld_dispatches(session: Session, receiving_school_id: UUID) -> list[Dispatch]:
    """List, oldest first, what reached a school and is sealed to no epoch of its key that a person holds now.

    Call it before the first grant of a new epoch is used: that one seals nothing yet.
    """
    held = (
        select(SchoolEpoch.number)
        .join(KeyGrant, KeyGrant.school_epoch_id == SchoolEpoch.id)
        .where(
            SchoolEpoch.school_id == receiving_school_id,
            SchoolEpoch.state != KeyState.DESTROYED,
            KeyGrant.grantee_kind == GranteeKind.PERSON,
        )
    )
    opens = (
        select(ItemGrant.id)
        .where(
            ItemGrant.dispatch_id == Dispatch.id,
            ItemGrant.recipient_id == receiving_school_id,
            ItemGrant.epoch.in_(held),
        )
        .exists()
    )
    reached = or_(
        Dispatch.status.in_([Status.SENT, Status.OPENED]),
        and_(Dispatch.status == Status.ACKNOWLEDGED, Dispatch.kind != DispatchKind.NIL),
    )
    return list(
        session.scalars(
            select(Dispatch)
            .where(
                Dispatch.receiving_school_id == receiving_school_id,
                reached,
                Dispatch.delivered_at.is_not(None),
                Dispatch.shredded_at.is_(None),
                ~opens,
            )
            .order_by(Dispatch.sent_at, Dispatch.id)
            .with_for_update(of=Dispatch)
        )
    )


def list_empty_epochs(session: Session, school_id: UUID, *, retired_before: datetime) -> list[SchoolEpoch]:
    """List the retired epochs of a school to which no item is sealed any more, oldest first."""
    seals = (
        select(ItemGrant.id).where(ItemGrant.recipient_id == school_id, ItemGrant.epoch == SchoolEpoch.number).exists()
    )
    return list(
        session.scalars(
            select(SchoolEpoch)
            .where(
                SchoolEpoch.school_id == school_id,
                SchoolEpoch.state == KeyState.RETIRED,
                SchoolEpoch.retired_at <= retired_before,
                ~seals,
            )
            .order_by(SchoolEpoch.number)
        )
    )


def _grants_of_active() -> ColumnElement[bool]:
    return and_(
        KeyGrant.school_epoch_id == SchoolEpoch.id,
        KeyGrant.grantee_kind == GranteeKind.PERSON,
        SchoolEpoch.state == KeyState.ACTIVE,
    )


def find_active_epoch_row(session: Session, school_id: UUID) -> SchoolEpoch | None:
    """Return the row of a school's active epoch, for showing when it was made; not for sealing."""
    return session.scalar(
        select(SchoolEpoch).where(SchoolEpoch.school_id == school_id, SchoolEpoch.state == KeyState.ACTIVE)
    )


def get_active_since(session: Session, school_id: UUID) -> datetime | None:
    """Return when a school's active epoch was made, or None where it has none."""
    return session.scalar(
        select(SchoolEpoch.created_at).where(SchoolEpoch.school_id == school_id, SchoolEpoch.state == KeyState.ACTIVE)
    )


def list_epochs_without_escrow(session: Session, school_id: UUID, recovery_key_id: UUID) -> list[SchoolEpoch]:
    """List the undestroyed epochs of a school that are not sealed to this recovery key."""
    has_escrow = (
        select(KeyGrant.id)
        .where(
            KeyGrant.school_epoch_id == SchoolEpoch.id,
            KeyGrant.grantee_kind == GranteeKind.RECOVERY,
            KeyGrant.grantee_id == recovery_key_id,
        )
        .exists()
    )
    return list(
        session.scalars(
            select(SchoolEpoch)
            .where(SchoolEpoch.school_id == school_id, SchoolEpoch.state != KeyState.DESTROYED, ~has_escrow)
            .order_by(SchoolEpoch.number)
        )
    )
