"""What is read about custodians, drills and recoveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from transfer_service.db.models import (
    Custodian,
    KeyGrant,
    LogLeaf,
    Membership,
    Person,
    PersonKey,
    RecoveryDrill,
    RecoveryKey,
    RecoveryRequest,
    School,
    SchoolEpoch,
)
from transfer_service.domain.custodians import OPEN_STATES
from transfer_service.domain.events import Event
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState


def find_recovery_key_row(session: Session, authority_id: UUID) -> RecoveryKey | None:
    """Return the row of an authority's recovery key in use, not yet checked."""
    return session.scalar(
        select(RecoveryKey).where(RecoveryKey.authority_id == authority_id, RecoveryKey.state == KeyState.ACTIVE)
    )


def list_custodians(session: Session, recovery_key_id: UUID) -> list[Custodian]:
    """List who keeps a share of a recovery key now, by share."""
    return list(
        session.scalars(
            select(Custodian)
            .where(Custodian.recovery_key_id == recovery_key_id, Custodian.ended_at.is_(None))
            .order_by(Custodian.share)
        )
    )


def find_last_good_drill(session: Session, recovery_key_id: UUID) -> datetime | None:
    """Return when the last drill was recorded in which every grant opened."""
    return session.scalar(
        select(func.max(RecoveryDrill.recorded_at)).where(
            RecoveryDrill.recovery_key_id == recovery_key_id, RecoveryDrill.failed == 0, RecoveryDrill.opened > 0
        )
    )


def find_last_drill(session: Session, recovery_key_id: UUID) -> RecoveryDrill | None:
    """Return the drill that was recorded last, good or not."""
    return session.scalar(
        select(RecoveryDrill)
        .where(RecoveryDrill.recovery_key_id == recovery_key_id, RecoveryDrill.recorded_at.is_not(None))
        .order_by(RecoveryDrill.recorded_at.desc())
        .limit(1)
    )


def count_escrow(session: Session, authority_id: UUID, recovery_key_id: UUID) -> tuple[int, int]:
    """Count the undestroyed epochs of an authority's schools, and those of them sealed to this recovery key."""
    of_authority = (
        select(func.count(SchoolEpoch.id))
        .join(School, School.id == SchoolEpoch.school_id)
        .where(School.authority_id == authority_id, SchoolEpoch.state != KeyState.DESTROYED)
    )
    total = session.scalar(of_authority) or 0
    return total, session.scalar(of_authority.where(_escrowed_to(recovery_key_id))) or 0


def list_escrow_grants(
    session: Session, recovery_key_id: UUID, *, school_id: UUID | None = None, made_by: datetime | None = None
) -> Sequence[tuple[KeyGrant, SchoolEpoch]]:
    """List the grants of undestroyed epochs to a recovery key: of all schools or of one, up to a moment."""
    query = (
        select(KeyGrant, SchoolEpoch)
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .where(
            KeyGrant.grantee_kind == GranteeKind.RECOVERY,
            KeyGrant.grantee_id == recovery_key_id,
            SchoolEpoch.state != KeyState.DESTROYED,
        )
        .order_by(SchoolEpoch.school_id, SchoolEpoch.number)
    )
    if school_id is not None:
        query = query.where(SchoolEpoch.school_id == school_id)
    if made_by is not None:
        query = query.where(KeyGrant.created_at <= made_by)
    return [(grant, epoch) for grant, epoch in session.execute(query)]


def list_grants_to_former_keys(session: Session, authority_id: UUID, epoch_ids: Sequence[UUID]) -> list[KeyGrant]:
    """List the grants of these epochs to recovery keys that the authority no longer uses."""
    former = select(RecoveryKey.id).where(
        RecoveryKey.authority_id == authority_id, RecoveryKey.state != KeyState.ACTIVE
    )
    return list(
        session.scalars(
            select(KeyGrant).where(
                KeyGrant.school_epoch_id.in_(epoch_ids),
                KeyGrant.grantee_kind == GranteeKind.RECOVERY,
                KeyGrant.grantee_id.in_(former),
            )
        )
    )


def list_unheld_epochs(session: Session, school_id: UUID) -> list[SchoolEpoch]:
    """List the undestroyed epochs of a school that nobody who is entitled there can open, oldest first."""
    held = (
        exists()
        .where(
            KeyGrant.school_epoch_id == SchoolEpoch.id,
            KeyGrant.grantee_kind == GranteeKind.PERSON,
            PersonKey.person_id == KeyGrant.grantee_id,
            PersonKey.version == KeyGrant.grantee_version,
            PersonKey.state == KeyState.ACTIVE,
            Membership.person_id == KeyGrant.grantee_id,
            Membership.school_id == SchoolEpoch.school_id,
            Membership.state == MembershipState.ACTIVE,
            Membership.role.in_(list(KEY_HOLDING_ROLES)),
        )
        .correlate(SchoolEpoch)
    )
    return list(
        session.scalars(
            select(SchoolEpoch)
            .where(SchoolEpoch.school_id == school_id, SchoolEpoch.state != KeyState.DESTROYED, ~held)
            .order_by(SchoolEpoch.number)
        )
    )


def find_open_request(session: Session, school_id: UUID) -> RecoveryRequest | None:
    """Return the recovery of a school that is not over."""
    return session.scalar(
        select(RecoveryRequest).where(RecoveryRequest.school_id == school_id, RecoveryRequest.state.in_(OPEN_STATES))
    )


def find_last_recovery(session: Session, school_id: UUID) -> datetime | None:
    """Return when a recovery of a school was last completed."""
    return session.scalar(select(func.max(RecoveryRequest.completed_at)).where(RecoveryRequest.school_id == school_id))


def list_requests(session: Session, authority_id: UUID) -> list[tuple[RecoveryRequest, School, Person]]:
    """List the recoveries of an authority's schools, the newest first."""
    rows = session.execute(
        select(RecoveryRequest, School, Person)
        .join(School, School.id == RecoveryRequest.school_id)
        .join(Person, Person.id == RecoveryRequest.person_id)
        .where(School.authority_id == authority_id)
        .order_by(RecoveryRequest.requested_at.desc(), RecoveryRequest.id)
    )
    return [(request, school, person) for request, school, person in rows]


def list_key_holding_people(session: Session, authority_id: UUID) -> list[Person]:
    """List every active safeguarding lead and deputy of an authority's schools, each once."""
    return list(
        session.scalars(
            select(Person)
            .where(
                exists().where(
                    Membership.person_id == Person.id,
                    Membership.school_id == School.id,
                    School.authority_id == authority_id,
                    Membership.role.in_(list(KEY_HOLDING_ROLES)),
                    Membership.state == MembershipState.ACTIVE,
                ),
            )
            .order_by(Person.email)
        )
    )


def find_approval_leaf(session: Session, request_id: UUID) -> int | None:
    """Return the index of the leaf of a recovery's approval."""
    return session.scalar(
        select(LogLeaf.idx).where(LogLeaf.event == Event.RECOVERY_APPROVED.value, LogLeaf.subject == request_id)
    )


def _escrowed_to(recovery_key_id: UUID) -> ColumnElement[bool]:
    return exists().where(
        and_(
            KeyGrant.school_epoch_id == SchoolEpoch.id,
            KeyGrant.grantee_kind == GranteeKind.RECOVERY,
            KeyGrant.grantee_id == recovery_key_id,
        )
    )
