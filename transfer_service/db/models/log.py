"""The tables of the tamper-evident log: leaves, tree nodes, the head, checkpoints, cosignatures and sealed details."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from transfer_service.db.models.base import Model, partial_index
from transfer_service.db.types import Bytes, Flag, Id, UtcDateTime, Whole

HEAD_ID = 1
"""The only row of `log_head`."""


class LogLeaf(Model):
    """One act. `body` is the truth and is what was hashed; the other columns repeat parts of it to find it by.

    The repeated columns live in this table, not in one beside it: they are then covered by the same append-only
    guards and written by the same INSERT. `verify_log` compares each with the body. Every filter is an index that
    ends in `idx`, so that a page starts at a known index ("keyset") however long the log is.
    """

    __tablename__ = "log_leaf"
    __table_args__ = (
        CheckConstraint("idx >= 0", name="idx_is_not_negative"),
        CheckConstraint("length(hash) = 32", name="hash_is_sha256"),
        Index("ix_log_leaf_event_idx", "event", "idx"),
        Index("ix_log_leaf_at_idx", "at", "idx"),
        *(
            partial_index(f"ix_log_leaf_{'_'.join(columns)}", *columns, where=f"{columns[0]} IS NOT NULL")
            for columns in (
                ("org", "idx"),
                ("org", "event", "idx"),
                # What else a page may ask of one person's acts is answered without reading the leaves.
                ("actor", "idx", "event", "org"),
                ("transfer", "idx"),
                ("subject", "idx"),
            )
        ),
        partial_index("ix_log_leaf_erases", "erases", where="erases IS NOT NULL"),
    )

    idx: Mapped[int] = mapped_column(Whole, primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(Bytes)
    hash: Mapped[bytes] = mapped_column(Bytes)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(Text)
    org: Mapped[UUID | None] = mapped_column(Id)
    actor: Mapped[UUID | None] = mapped_column(Id)
    transfer: Mapped[UUID | None] = mapped_column(Id)
    subject: Mapped[UUID | None] = mapped_column(Id)
    erases: Mapped[int | None] = mapped_column(Whole)


class LogNode(Model):
    """The root of one full subtree of 2**`level` leaves, the `idx`-th of its level. Level 0 is `log_leaf.hash`."""

    __tablename__ = "log_node"
    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 62", name="level_is_above_leaves"),
        CheckConstraint("length(hash) = 32", name="hash_is_sha256"),
    )

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    idx: Mapped[int] = mapped_column(Whole, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(Bytes)


class LogHead(Model):
    """The single row that every append locks.

    `frontier` is the concatenation of the 32-byte roots of the full subtrees that make up `size`, largest first.
    `last_at` keeps the log's time from going back. A frozen log takes no leaf.
    """

    __tablename__ = "log_head"
    __table_args__ = (
        CheckConstraint(f"id = {HEAD_ID}", name="single_row"),
        CheckConstraint("size >= 0", name="size_is_not_negative"),
        CheckConstraint("length(frontier) % 32 = 0", name="frontier_is_whole_hashes"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(Whole)
    frontier: Mapped[bytes] = mapped_column(Bytes)
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    frozen: Mapped[bool] = mapped_column(Flag)
    frozen_reason: Mapped[str | None] = mapped_column(Text)


class LogCheckpoint(Model):
    """A signed note over the first `size` leaves (C2SP tlog-checkpoint), as bytes that are never re-written."""

    __tablename__ = "log_checkpoint"

    size: Mapped[int] = mapped_column(Whole, primary_key=True, autoincrement=False)
    note: Mapped[bytes] = mapped_column(Bytes)
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LogCosignature(Model):
    """A witness's signature line for a stored checkpoint (C2SP tlog-cosignature).

    `number` counts them from 1 in the order in which they came, without gaps: the next checkpoint fixes them by it.
    """

    __tablename__ = "log_cosignature"
    __table_args__ = (CheckConstraint("length(key_id) = 4", name="key_id_is_four_bytes"),)

    size: Mapped[int] = mapped_column(Whole, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(Text, primary_key=True)
    key_id: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    signature: Mapped[bytes] = mapped_column(Bytes)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    number: Mapped[int] = mapped_column(Whole, unique=True)


class LogDetail(Model):
    """What a leaf commits to beside itself: `salt || detail`, sealed together under the service's field keyring.

    The salt is sealed too: in clear, it would let a thief of the database try names against the leaf's commitment.
    Deleting the row erases both and leaves the tree whole.
    """

    __tablename__ = "log_detail"

    idx: Mapped[int] = mapped_column(Whole, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(Bytes)
