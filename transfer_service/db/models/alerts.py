"""The outbox of alerts and the memory of the worker's jobs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from transfer_service.db.models.base import Model, partial_index
from transfer_service.db.types import Bytes, Id, UtcDateTime, Word
from transfer_service.domain.alerts import AlertState


class Alert(Model):
    """One alert to one address, written in the transaction of the fact that causes it."""

    __tablename__ = "alert"
    __table_args__ = (
        partial_index("ix_alert_due", "not_before", where="state = 'pending'"),
        Index("ix_alert_subject", "dispatch_id"),
        Index("ix_alert_address", "address", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    """A word of `domain.alerts.AlertKind`."""
    address: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID | None] = mapped_column(Id)
    organisation_id: Mapped[UUID | None] = mapped_column(Id)
    transfer_id: Mapped[UUID | None] = mapped_column(Id)
    dispatch_id: Mapped[UUID | None] = mapped_column(Id)
    reference: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[bytes | None] = mapped_column(Bytes)
    """What only the addressee may see, such as an invitation's link: an encrypted column, erased when sent."""
    state: Mapped[AlertState] = mapped_column(Word(AlertState))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    lease: Mapped[UUID | None] = mapped_column(Id)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    last_outcome: Mapped[str | None] = mapped_column(Text)
    """Class and code of the channel's last answer, never its text."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobRun(Model):
    """When a job of the worker last ran and what came of it, shared by all workers."""

    __tablename__ = "job_run"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(Text, default="")
