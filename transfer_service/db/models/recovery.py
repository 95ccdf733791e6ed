"""The recovery custodians, their drills, and requests for a recovery by them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from transfer_service.db.models.base import Model, partial_index
from transfer_service.db.types import Bytes, Flag, Id, UtcDateTime, Word
from transfer_service.domain.custodians import RecoveryState


class Custodian(Model):
    """Who keeps one of the five shares of an authority's recovery key; nothing of the share itself is here."""

    __tablename__ = "custodian"
    __table_args__ = (
        partial_index("ix_custodian_share", "recovery_key_id", "share", where="ended_at IS NULL", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    recovery_key_id: Mapped[UUID] = mapped_column(Id, ForeignKey("recovery_key.id"))
    share: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    employer: Mapped[str] = mapped_column(Text)
    works_for_authority: Mapped[bool] = mapped_column(Flag)
    is_head_of_service: Mapped[bool] = mapped_column(Flag)
    operates_service: Mapped[bool] = mapped_column(Flag)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[UUID | None] = mapped_column(Id)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[UUID | None] = mapped_column(Id)


class RecoveryDrill(Model):
    """What came of one drill: how many escrow grants opened, and how many did not."""

    __tablename__ = "recovery_drill"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    recovery_key_id: Mapped[UUID] = mapped_column(Id, ForeignKey("recovery_key.id"), index=True)
    bundle_sha256: Mapped[str] = mapped_column(Text, unique=True)
    exported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    exported_by: Mapped[UUID | None] = mapped_column(Id)
    recorded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_by: Mapped[UUID | None] = mapped_column(Id)
    opened: Mapped[int | None]
    failed: Mapped[int | None]


class RecoveryRequest(Model):
    """A school without anybody who can open its files asks for the custodians' help, for one person's key."""

    __tablename__ = "recovery_request"
    __table_args__ = (Index("ix_recovery_request_school", "school_id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    membership_id: Mapped[UUID] = mapped_column(Id, ForeignKey("membership.id"))
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"))
    key_version: Mapped[int]
    key_fingerprint: Mapped[bytes] = mapped_column(Bytes)
    """The person's key for which the request was made; for another one it is made anew."""
    state: Mapped[RecoveryState] = mapped_column(Word(RecoveryState))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_by: Mapped[UUID] = mapped_column(Id)
    first_approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_approved_by: Mapped[UUID | None] = mapped_column(Id)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[UUID | None] = mapped_column(Id)
    bundle_sha256: Mapped[str | None] = mapped_column(Text)
    exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
