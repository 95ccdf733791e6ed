"""Reading the stored tree: roots and proofs at any size, from a few dozen rows however long the log is."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from transfer_service.audit import tree
from transfer_service.audit.errors import LogInconsistent, LogNotPrepared
from transfer_service.audit.tree import Node, NodeReader
from transfer_service.db.models.log import LogHead, LogLeaf, LogNode


def stored_nodes(session: Session) -> NodeReader:
    """Return a reader of the stored subtrees; it raises LogInconsistent where one is absent."""

    def read(nodes: Collection[Node]) -> Mapping[Node, bytes]:
        leaves = [idx for level, idx in nodes if level == 0]
        inner = [node for node in nodes if node[0] > 0]
        found: dict[Node, bytes] = {}
        if leaves:
            rows = session.execute(select(LogLeaf.idx, LogLeaf.hash).where(LogLeaf.idx.in_(leaves)))
            found.update({(0, row.idx): row.hash for row in rows})
        if inner:
            rows_above = session.execute(
                select(LogNode.level, LogNode.idx, LogNode.hash).where(tuple_(LogNode.level, LogNode.idx).in_(inner))
            )
            found.update({(row.level, row.idx): row.hash for row in rows_above})
        if len(found) < len(set(nodes)):
            raise LogInconsistent("A part of the log's tree is missing. Run `transfer-service audit verify`.")
        return found

    return read


def log_size(session: Session) -> int:
    """Return how many leaves the log has; raises LogNotPrepared without a head row."""
    size: int | None = session.scalar(select(LogHead.size))
    if size is None:
        raise LogNotPrepared
    return size


def root_at(session: Session, size: int) -> bytes:
    """Return the root of the log's first `size` leaves."""
    return tree.root_of_prefix(size, stored_nodes(session))


def prove_inclusion(session: Session, idx: int, size: int) -> list[bytes]:
    """Return the proof that leaf `idx` is among the first `size` leaves."""
    return tree.prove_inclusion(idx, size, stored_nodes(session))


def prove_consistency(session: Session, old_size: int, new_size: int) -> list[bytes]:
    """Return the proof that the log's first `new_size` leaves begin with its first `old_size` ones."""
    return tree.prove_consistency(old_size, new_size, stored_nodes(session))
