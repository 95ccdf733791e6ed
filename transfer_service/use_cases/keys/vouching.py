"""Since when a school has its key and who vouched for it, for those who are about to seal something to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.suites import verify_signature
from transfer_service.db.models import Authority, Person, School, SchoolEpoch
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import KeyState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.granting import HolderLevel, level_of
from transfer_service.use_cases.keys.origins import has_origin
from transfer_service.use_cases.keys.public_keys import PublicEpoch, authentic_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedKey:
    """A school's active key: when it was made, and which officer approved the one that it descends from.

    `approved_at` is when that first key was made; it is `made_at` where nobody has renewed the key since. Both are None
    for a key that was made before the service recorded it in a form that nobody can change.
    """

    number: int
    made_at: datetime | None
    approved_at: datetime | None
    approved_by: str
    approving_authority: str
    level: HolderLevel

    @property
    def is_renewed(self) -> bool:
        """Whether colleagues made the key anew after the one that was approved."""
        return self.approved_at is not None and self.approved_at != self.made_at


def find_vouched_key(session: Session, at: Installation, school_id: UUID) -> VouchedKey | None:
    """Return a school's active key with who vouched for it, or None where the school has none; four statements.

    Each later key is signed by the one before, back to the one that was approved. Raises CannotOpen where a row or a
    signature on the way is not authentic.
    """
    rows = session.scalars(
        select(SchoolEpoch).where(SchoolEpoch.school_id == school_id).order_by(SchoolEpoch.number.desc())
    ).all()
    active = next((row for row in rows if row.state is KeyState.ACTIVE), None)
    if active is None:
        return None
    approved = _find_approved(at, active, {row.number: row for row in rows})
    name = session.scalar(select(Person.name).where(Person.id == approved.approved_by)) if approved else None
    authority = session.scalar(
        select(Authority.name).join(School, School.authority_id == Authority.id).where(School.id == school_id)
    )
    return VouchedKey(
        number=active.number,
        made_at=active.created_at if has_origin(at, active) else None,
        approved_at=approved.created_at if approved and name else None,
        approved_by=name or "",
        approving_authority=authority or "",
        level=level_of(key_queries.count_holders(session, school_id)),
    )


def _find_approved(at: Installation, active: SchoolEpoch, rows: Mapping[int, SchoolEpoch]) -> SchoolEpoch | None:
    """Go back from key to key by their signatures to the one that no other signed; None where an origin is unknown."""
    row = active
    while True:
        epoch = authentic_epoch(at, row)
        if not has_origin(at, row):
            return None
        if row.previous_signature is None:
            return row
        # Not always one less: a restore may have lost some in between, whose numbers are not used again.
        before = rows.get(max((number for number in rows if number < row.number), default=0))
        if before is None or not _is_signed(at, epoch, row.previous_signature, authentic_epoch(at, before)):
            raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC)
        row = before


def _is_signed(at: Installation, epoch: PublicEpoch, signature: bytes, before: PublicEpoch) -> bool:
    named = formats.epoch_succession(
        deployment=at.deployment,
        org=epoch.school_id,
        epoch=epoch.number,
        fingerprint=epoch.public.fingerprint,
        previous_epoch=before.number,
    )
    return verify_signature(before.public, signature, named)
