"""Transfers, their dispatches, and the sealed items that travel with them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from transfer_service.db.models.base import Model
from transfer_service.db.models.organisations import School
from transfer_service.db.types import Bytes, Day, Flag, Id, Json, UtcDateTime, Whole, Word
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status, TransferKind


class Transfer(Model):
    """One pupil's move from one school. The pupil's columns are encrypted under the service's field keys."""

    __tablename__ = "transfer"
    __table_args__ = (
        # What an authority's figures ask of a move is answered without reading its row.
        Index("ix_transfer_sending", "sending_school_id", "created_at", "id", "leaving_on"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    sending_school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    kind: Mapped[TransferKind] = mapped_column(Word(TransferKind))
    leaving_on: Mapped[date] = mapped_column(Day)
    starts_on: Mapped[date | None] = mapped_column(Day)
    destination_confirmed_on: Mapped[date | None] = mapped_column(Day)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)

    forename: Mapped[bytes] = mapped_column(Bytes)
    surname: Mapped[bytes] = mapped_column(Bytes)
    date_of_birth: Mapped[bytes] = mapped_column(Bytes)
    upn: Mapped[bytes | None] = mapped_column(Bytes)
    upn_choice: Mapped[str] = mapped_column(Text, default="none")
    """What the person decided about the UPN: none, valid, or confirmed despite a warning."""
    upn_index: Mapped[bytes | None] = mapped_column(Bytes, index=True)
    name_index: Mapped[bytes] = mapped_column(Bytes, index=True)

    sending_school: Mapped[School] = relationship()
    dispatches: Mapped[list[Dispatch]] = relationship(back_populates="transfer", order_by="Dispatch.number")


class Dispatch(Model):
    """One sending on a transfer, to one receiving school, with its own status, clock, manifest and receipt."""

    __tablename__ = "dispatch"
    __table_args__ = (
        UniqueConstraint("transfer_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        # An authority's figures look at each dispatch of its schools for a few columns that say how it stands; the rows
        # themselves, with manifest and signature, are some ten times as large.
        Index(
            "ix_dispatch_receiving",
            "receiving_school_id",
            "status",
            "due_on",
            "sent_at",
            "receiver_due_on",
            "acknowledged_at",
            "transfer_id",
        ),
        Index(
            "ix_dispatch_standing",
            "transfer_id",
            "number",
            "status",
            "kind",
            "due_on",
            "sent_at",
            "receiver_due_on",
            "opened_at",
            "acknowledged_at",
            "rejection_reason",
            "receiving_school_id",
            "id",
        ),
        Index("ix_dispatch_status_due", "status", "due_on"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(Id, ForeignKey("transfer.id"))
    number: Mapped[int]
    kind: Mapped[DispatchKind] = mapped_column(Word(DispatchKind))
    status: Mapped[Status] = mapped_column(Word(Status))
    receiving_school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    previous_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("dispatch.id"))
    """The withdrawn or rejected dispatch whose sealed items this one sends again."""
    urgent: Mapped[bool] = mapped_column(Flag, default=False)
    """A bare mark that sorts lists; it carries no cause."""

    due_on: Mapped[date | None] = mapped_column(Day)
    clock: Mapped[Any | None] = mapped_column(Json)
    """The basis of both clocks as applied: unit, start, length, calendar, whether term dates were known."""
    receiver_due_on: Mapped[date | None] = mapped_column(Day)

    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the sender sent it: its clock stops here, also where the receiver had no key yet."""
    sent_by: Mapped[UUID | None] = mapped_column(Id)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it became readable for the receiver: the receiver's clock starts here."""
    cover_shown_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_by: Mapped[UUID | None] = mapped_column(Id)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[UUID | None] = mapped_column(Id)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rejected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rejected_by: Mapped[UUID | None] = mapped_column(Id)
    rejection_reason: Mapped[RejectionReason | None] = mapped_column(Word(RejectionReason))
    exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the receiving school last downloaded the whole file as one archive."""
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a DSL stated that it is filed in the school's own system."""
    filed_by: Mapped[UUID | None] = mapped_column(Id)
    legal_hold: Mapped[bool] = mapped_column(Flag, default=False)
    shredded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    statement_version: Mapped[str | None] = mapped_column(Text)
    """Version of the nil declaration's verbatim statement."""
    withheld: Mapped[Any | None] = mapped_column(Json)
    """Reasons (from a list) for what was left out; what it is stays inside a sealed item."""
    manifest: Mapped[bytes | None] = mapped_column(Bytes)
    manifest_signature: Mapped[bytes | None] = mapped_column(Bytes)
    manifest_hash: Mapped[bytes | None] = mapped_column(Bytes)
    sender_epoch: Mapped[int | None]
    sent_leaf: Mapped[int | None] = mapped_column(Whole)
    """Index of the leaf whose digest is the manifest's hash."""

    transfer: Mapped[Transfer] = relationship(back_populates="dispatches")
    receiving_school: Mapped[School] = relationship()
    items: Mapped[list[DispatchItem]] = relationship(order_by="DispatchItem.position", cascade="all, delete-orphan")
    acknowledgement: Mapped[Acknowledgement | None] = relationship()


class Item(Model):
    """The ciphertext of one note, attachment, cover sheet or message, under a data key of its own."""

    __tablename__ = "item"
    __table_args__ = (
        CheckConstraint("ciphertext IS NULL OR blob_key IS NULL", name="one_body"),
        Index("ix_item_transfer", "transfer_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(Id, ForeignKey("transfer.id"))
    sender_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    kind: Mapped[ItemKind] = mapped_column(Word(ItemKind))
    revision: Mapped[int]
    ciphertext: Mapped[bytes | None] = mapped_column(Bytes)
    blob_key: Mapped[str | None] = mapped_column(Text, unique=True)
    ciphertext_length: Mapped[int] = mapped_column(Whole)
    ciphertext_sha256: Mapped[bytes] = mapped_column(Bytes)
    commitment: Mapped[bytes] = mapped_column(Bytes)
    content_digest: Mapped[bytes] = mapped_column(Bytes)
    size_bucket: Mapped[int] = mapped_column(Whole)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)
    reencrypted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its contents were last encrypted again under a new data key."""
    shredded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ItemReencryption(Model):
    """A school's signed statement that it encrypted an item again: the link from one ciphertext to the next."""

    __tablename__ = "item_reencryption"
    __table_args__ = (Index("ix_item_reencryption_school", "school_id", "created_at"),)

    # A draft's item goes with all that was made for it.
    item_id: Mapped[UUID] = mapped_column(Id, ForeignKey("item.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The item's revision from then on."""
    school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    epoch: Mapped[int]
    statement: Mapped[bytes] = mapped_column(Bytes)
    """Its SHA-256 is the digest of the leaf."""
    signature: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)


class DispatchItem(Model):
    """An item's place in a dispatch; a redirected dispatch carries the same items again."""

    __tablename__ = "dispatch_item"

    dispatch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("dispatch.id"), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(Id, ForeignKey("item.id"), primary_key=True, index=True)
    position: Mapped[int]
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When this item was first opened and verified at the receiving school."""

    item: Mapped[Item] = relationship()


class ItemGrant(Model):
    """An item's data key, sealed to one epoch of one school for one dispatch."""

    __tablename__ = "item_grant"
    __table_args__ = (
        UniqueConstraint("item_id", "dispatch_id", "recipient_id", "epoch"),
        Index("ix_item_grant_dispatch", "dispatch_id", "recipient_id"),
        Index("ix_item_grant_recipient", "recipient_id", "epoch"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    item_id: Mapped[UUID] = mapped_column(Id, ForeignKey("item.id"))
    dispatch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("dispatch.id"))
    recipient_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    epoch: Mapped[int]
    fingerprint: Mapped[bytes] = mapped_column(Bytes)
    suite: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)


class Acknowledgement(Model):
    """The receiving school's signed statement that it has the file, or the nil declaration."""

    __tablename__ = "acknowledgement"

    dispatch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("dispatch.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id)
    statement_version: Mapped[str] = mapped_column(Text)
    statement: Mapped[str] = mapped_column(Text)
    senco_told: Mapped[bool] = mapped_column(Flag)
    key_staff_told: Mapped[bool] = mapped_column(Flag)
    epoch: Mapped[int]
    signed_bytes: Mapped[bytes] = mapped_column(Bytes)
    signature: Mapped[bytes] = mapped_column(Bytes)
    leaf: Mapped[int | None] = mapped_column(Whole)


class Opening(Model):
    """That one person of the receiving school opened the contents: only such a person may acknowledge."""

    __tablename__ = "opening"

    dispatch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("dispatch.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Breach(Model):
    """A file sent to the wrong school and opened there: the sender's 72-hour task (UK GDPR article 33)."""

    __tablename__ = "breach"

    dispatch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("dispatch.id"), primary_key=True)
    school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"), index=True)
    known_at: Mapped[datetime] = mapped_column(UtcDateTime)
    report_by: Mapped[datetime] = mapped_column(UtcDateTime)
    checklist: Mapped[Any] = mapped_column(Json)
    """Step of the checklist → when it was ticked and by whom."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
