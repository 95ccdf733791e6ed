"""Since when a school has its key and who vouched for it, for those who are about to seal something to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Authority, Person, School, SchoolEpoch
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.keys import KeyState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.granting import HolderLevel, level_of
from transfer_service.use_cases.keys.holding import authentic_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedKey:
    """A school's active key: when it was made, and which officer approved the one that it descends from.

    `approved_at` is when that first key was made; it is `made_at` where nobody has renewed the key since.
    """

    number: int
    made_at: datetime
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

    Each later key was made by somebody who held the one before. Raises CannotOpen where the row is not authentic.
    """
    row = session.scalar(
        select(SchoolEpoch).where(SchoolEpoch.school_id == school_id, SchoolEpoch.state == KeyState.ACTIVE)
    )
    if row is None:
        return None
    authentic_epoch(at, row)
    approved = session.execute(
        select(SchoolEpoch.created_at, Person.name)
        .join(Person, Person.id == SchoolEpoch.approved_by)
        .where(SchoolEpoch.school_id == school_id, SchoolEpoch.number <= row.number)
        .order_by(SchoolEpoch.number.desc())
        .limit(1)
    ).first()
    authority = session.scalar(
        select(Authority.name).join(School, School.authority_id == Authority.id).where(School.id == school_id)
    )
    return VouchedKey(
        number=row.number,
        made_at=row.created_at,
        approved_at=approved[0] if approved else None,
        approved_by=approved[1] if approved else "",
        approving_authority=authority or "",
        level=level_of(key_queries.count_holders(session, school_id)),
    )
