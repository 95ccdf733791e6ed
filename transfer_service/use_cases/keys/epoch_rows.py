"""Rows of a school's epochs: adding one, retiring one, each authenticated with the field keys in its new state."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto import formats
from transfer_service.crypto.suites import EpochKey
from transfer_service.db.models import SchoolEpoch
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.logged_epochs import find_newest_logged_number
from transfer_service.use_cases.keys.origins import authenticate_origin
from transfer_service.use_cases.keys.public_keys import PublicEpoch, authentic_epoch
from transfer_service.use_cases.recording import entry


def next_number(session: Session, school_id: UUID) -> int:
    """Return the number that a school's next epoch has; none is used twice, also of epochs that a restore lost.

    Those have no row any more. That they were made stands in the log, which knows more than an older backup.
    """
    newest = session.scalar(select(func.max(SchoolEpoch.number)).where(SchoolEpoch.school_id == school_id))
    return max(newest or 0, find_newest_logged_number(session, school_id)) + 1


def add_epoch(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    school_id: UUID,
    number: int,
    key: EpochKey,
    approved_by: UUID | None,
    previous_signature: bytes | None,
) -> PublicEpoch:
    """Add the row of a new active epoch."""
    public = key.public
    row = SchoolEpoch(
        id=at.new_id(),
        school_id=school_id,
        number=number,
        suite=public.suite,
        kem_public=public.kem_public,
        signing_public=public.signing_public,
        fingerprint=public.fingerprint.digest,
        state=KeyState.ACTIVE,
        mac=at.field_keys.authenticate_public_key(
            public, kind=formats.KeyKind.EPOCH, owner=school_id, epoch=number, state=KeyState.ACTIVE.value
        ),
        previous_signature=previous_signature,
        created_at=at.now(),
        created_by=actor.person_id,
        approved_by=approved_by,
    )
    row.origin_mac = authenticate_origin(at, row)
    session.add(row)
    session.flush()
    return PublicEpoch(id=row.id, school_id=school_id, number=number, public=public, state=KeyState.ACTIVE)


def retire_epoch(
    session: Session, at: Installation, actor: Actor | None, *, school_id: UUID, basis: Basis
) -> list[Entry]:
    """Retire the active epoch of a school: it opens what was sealed to it, and nothing more is sealed to it.

    Returns its leaf, or none where there is no active epoch. Raises CannotOpen where the row is not authentic: a row
    that somebody changed is not authenticated anew.
    """
    row = session.scalar(
        select(SchoolEpoch).where(SchoolEpoch.school_id == school_id, SchoolEpoch.state == KeyState.ACTIVE)
    )
    if row is None:
        return []
    public = authentic_epoch(at, row).public
    row.state = KeyState.RETIRED
    row.retired_at = at.now()
    row.mac = at.field_keys.authenticate_public_key(
        public, kind=formats.KeyKind.EPOCH, owner=school_id, epoch=row.number, state=KeyState.RETIRED.value
    )
    # The next epoch may be inserted as active in the same act; a unique index allows one at a time.
    session.flush()
    return [
        entry(
            actor,
            Event.EPOCH_RETIRED,
            org=school_id,
            subject=row.id,
            epoch=row.number,
            key=public.fingerprint.hex,
            basis=basis,
        )
    ]
