"""Appending to the log, and erasing what stands beside it.

An act's leaves are appended in the act's own transaction, as its last statements: the head row stays locked from
the append to the commit, so that indexes have no gaps and the log has one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from transfer_service.audit.detail import join_salt, split_salt
from transfer_service.audit.errors import LeafRefused, LogFrozen, LogInconsistent, LogNotPrepared
from transfer_service.audit.leaf import Leaf, LeafFields, commit_to, decode_leaf, encode_leaf
from transfer_service.audit.tree import append_to_frontier, hash_leaf, split_frontier
from transfer_service.db.models.log import LogDetail, LogHead, LogLeaf, LogNode
from transfer_service.domain.events import Basis, Event

SealDetail = Callable[[int, bytes], bytes]
"""Seals the salt and the detail of a leaf, bound to its index: called with the index and the bytes."""
OpenDetail = Callable[[int, bytes], bytes]
"""Opens what a SealDetail sealed: called with the index and the sealed bytes."""

# Statements made once, and run on the connection itself: an append is on the path of every act, under the lock that
# all writers wait for, and making them anew costs as much as running them.
_LEAVES, _NODES, _DETAILS, _HEAD_ROW = (
    cast("Table", model.__table__) for model in (LogLeaf, LogNode, LogDetail, LogHead)
)
_LOCK_HEAD = select(
    _HEAD_ROW.c.size, _HEAD_ROW.c.frontier, _HEAD_ROW.c.last_at, _HEAD_ROW.c.frozen, _HEAD_ROW.c.frozen_reason
).with_for_update()
_MOVE_HEAD = update(_HEAD_ROW).values(
    size=bindparam("new_size"), frontier=bindparam("new_frontier"), last_at=bindparam("new_last_at")
)
_ADD_LEAF, _ADD_NODES, _ADD_DETAIL = insert(_LEAVES), insert(_NODES), insert(_DETAILS)

_EVENTS = frozenset(Event)
_BASES = frozenset(Basis)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One leaf to append; `detail` with its 32 random bytes of `salt` where something is to be said beside it."""

    leaf: LeafFields
    detail: bytes | None = None
    salt: bytes | None = None


@dataclass(frozen=True, slots=True)
class LeafPosition:
    """Where a leaf stands, and its hash."""

    idx: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A leaf as an export holds it: its bytes, and its sealed detail where there is one."""

    body: bytes
    sealed_detail: bytes | None = None


@dataclass(slots=True)
class _Head:
    """The locked head row, while leaves are added to it."""

    connection: Connection
    size: int
    frontier: list[bytes]
    last_at: datetime | None


def append(
    session: Session,
    *,
    leaf: LeafFields,
    now: datetime,
    detail: bytes | None = None,
    salt: bytes | None = None,
    seal_detail: SealDetail | None = None,
) -> LeafPosition:
    """Append one leaf in the session's transaction; see `append_all`."""
    entry = Entry(leaf=leaf, detail=detail, salt=salt)
    return append_all(session, entries=[entry], now=now, seal_detail=seal_detail)[0]


def append_all(
    session: Session, *, entries: Sequence[Entry], now: datetime, seal_detail: SealDetail | None = None
) -> list[LeafPosition]:
    """Append leaves in order under one lock of the head; they must be the last statements before the commit.

    What the session holds is flushed first, so that nothing else is written while the head is locked. A leaf's time
    is `now`, or that of the leaf before it where the clock went back. Raises LogFrozen, LeafRefused, LogNotPrepared.
    On SQLite the transaction must have begun with BEGIN IMMEDIATE.
    """
    for entry in entries:
        _check_words(entry.leaf)
    if not entries:
        return []
    session.flush()
    head = _lock_head(session)
    positions = []
    for entry in entries:
        at = now if head.last_at is None else max(now, head.last_at)
        commit, sealed = _seal(entry, head.size, seal_detail)
        leaf = Leaf(idx=head.size, at=at, said=entry.leaf, commit=commit)
        positions.append(_put(head, leaf, encode_leaf(leaf), sealed))
    return positions


def reimport_all(session: Session, *, entries: Iterable[StoredEntry]) -> int:
    """Append leaves that an export holds and this log lost, byte for byte; returns how many.

    For a restore. Raises LogInconsistent where a leaf is not the next one or goes back in time.
    """
    head = _lock_head(session)
    count = 0
    for entry in entries:
        leaf = decode_leaf(entry.body)
        if leaf.idx != head.size or (head.last_at is not None and leaf.at < head.last_at):
            raise LogInconsistent(
                f"The export's leaf {leaf.idx} does not follow the log's {head.size} leaves. "
                "Import from an export that begins where the log ends."
            )
        _put(head, leaf, entry.body, entry.sealed_detail)
        count += 1
    return count


def erase_details(session: Session, indexes: Sequence[int], *, leaf: LeafFields, now: datetime) -> list[LeafPosition]:
    """Erase salts and details, and append one leaf for each index that had one; an erased one is passed over.

    Without such a leaf an absent detail does not verify. The tree stays whole: it holds only commitments.
    """
    entries = []
    for idx in dict.fromkeys(indexes):
        erased = session.scalar(delete(LogDetail).where(LogDetail.idx == idx).returning(LogDetail.idx))
        if erased is not None:
            entries.append(Entry(leaf=replace(leaf, erases=idx)))
    return append_all(session, entries=entries, now=now)


def open_detail(session: Session, idx: int, *, open_sealed: OpenDetail) -> tuple[bytes, bytes] | None:
    """Return salt and detail of a leaf, or None where there is none (any more)."""
    sealed = session.scalar(select(LogDetail.sealed).where(LogDetail.idx == idx))
    return None if sealed is None else split_salt(open_sealed(idx, sealed))


def _lock_head(session: Session) -> _Head:
    connection = session.connection()
    head = connection.execute(_LOCK_HEAD).one_or_none()
    if head is None:
        raise LogNotPrepared
    if head.frozen:
        raise LogFrozen(head.frozen_reason)
    return _Head(connection=connection, size=head.size, frontier=split_frontier(head.frontier), last_at=head.last_at)


def _check_words(leaf: LeafFields) -> None:
    """Hold new leaves to the closed lists; old ones may have words of an earlier version."""
    if leaf.event not in _EVENTS or (leaf.basis is not None and leaf.basis not in _BASES):
        raise LeafRefused("The event or basis of a leaf is not in the log's vocabulary. Add it to domain/events.py.")


def _seal(entry: Entry, idx: int, seal_detail: SealDetail | None) -> tuple[bytes | None, bytes | None]:
    if entry.detail is None:
        return None, None
    if entry.salt is None or seal_detail is None:
        raise LeafRefused("A detail is only kept sealed, with a salt. Give both with it.")
    return commit_to(entry.detail, entry.salt), seal_detail(idx, join_salt(entry.salt, entry.detail))


def _put(head: _Head, leaf: Leaf, body: bytes, sealed: bytes | None) -> LeafPosition:
    """Write one leaf, what it completes, and the head: in the order in which the database's guards allow it."""
    digest = hash_leaf(body)
    head.connection.execute(_ADD_LEAF, _row(leaf, body, digest))
    if sealed is not None:
        head.connection.execute(_ADD_DETAIL, {"idx": leaf.idx, "sealed": sealed})
    completed = append_to_frontier(head.frontier, head.size, digest)
    if completed:
        nodes = [{"level": level, "idx": idx, "hash": root} for (level, idx), root in completed]
        head.connection.execute(_ADD_NODES, nodes)
    head.size, head.last_at = head.size + 1, leaf.at
    moved = {"new_size": head.size, "new_frontier": b"".join(head.frontier), "new_last_at": leaf.at}
    head.connection.execute(_MOVE_HEAD, moved)
    return LeafPosition(leaf.idx, digest)


def _row(leaf: Leaf, body: bytes, digest: bytes) -> dict[str, Any]:
    """Return the row of a leaf: the columns beside `body` and `hash` repeat what the body says."""
    return {"idx": leaf.idx, "body": body, "hash": digest, **repeated_columns(leaf)}


def repeated_columns(leaf: Leaf) -> dict[str, Any]:
    """Return the columns of a leaf's row that repeat its body, with the values that they must have."""
    said = leaf.said
    return {
        "at": leaf.at,
        "event": str(said.event),
        "org": said.org,
        "actor": said.actor,
        "transfer": said.transfer,
        "subject": said.subject,
        "erases": said.erases,
    }
