"""Rows of backup codes: how many a person has left, and ending them. Nothing here knows a code or unlocks anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.fields import key_id_of
from transfer_service.db.models import BackupCodeHash
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.held_forms import drop_kept
from transfer_service.use_cases.recording import entry

KEPT: Final = "backup-codes"
"""The label under which new codes wait, sealed to their owner, until they are confirmed."""
FEW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCodesLeft:
    """What a person still has of the ten."""

    left: int
    next_number: int | None
    """The place on the sheet of the first one that was not used; None where none is left."""
    last_used_at: datetime | None

    @property
    def are_few(self) -> bool:
        """Whether it is time to make new ones."""
        return self.left <= FEW


def count_backup_codes(session: Session, at: Installation, person_id: UUID) -> BackupCodesLeft:
    """Count the codes of a person that work; one statement."""
    rows = session.scalars(
        select(BackupCodeHash).where(BackupCodeHash.person_id == person_id).order_by(BackupCodeHash.number)
    ).all()
    unused = [row.number for row in rows if is_usable(at, row)]
    return BackupCodesLeft(
        left=len(unused),
        next_number=unused[0] if unused else None,
        last_used_at=max((row.used_at for row in rows if row.used_at is not None), default=None),
    )


def is_usable(at: Installation, row: BackupCodeHash) -> bool:
    """Tell whether a code was not used, and the field key that knows it is still there."""
    return row.hash is not None and key_id_of(row.hash) in at.field_keys.ids


def end_backup_codes(session: Session, actor: Actor | None, *, person_id: UUID, basis: Basis) -> list[Entry]:
    """Let no backup code of a person serve any more, nor those that wait to be confirmed; a leaf where one was left."""
    drop_kept(session, person_id=person_id, label=KEPT)
    ended = delete(BackupCodeHash).where(BackupCodeHash.person_id == person_id).returning(BackupCodeHash.used_at)
    had_left = any(used_at is None for used_at in session.scalars(ended).all())
    return [entry(actor, Event.BACKUP_CODES_ENDED, subject=person_id, basis=basis)] if had_left else []
