"""Entries of the log to take away, each with the proof that it stands there, and without what stands beside it.

What was committed to beside an entry may name people; it can still be checked by whoever has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from transfer_service.audit.receipts import compose_receipt, find_newest_checkpoint


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """One entry by its index, as the bytes of a `.tlog-proof`."""

    idx: int
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EntryExport:
    """The entries that a checkpoint covers, in order, and how many are too new for one."""

    entries: tuple[ProvenEntry, ...]
    unsigned: int


def prove_entries(session: Session, indexes: Sequence[int]) -> EntryExport:
    """Compose the proofs of some entries. All stand on the newest checkpoint, so that they are of one tree."""
    newest = find_newest_checkpoint(session)
    size = newest.size if newest else 0
    covered = [idx for idx in indexes if idx < size]
    proofs = tuple(ProvenEntry(idx, compose_receipt(session, idx, open_sealed=None, size=size)) for idx in covered)
    return EntryExport(proofs, unsigned=len(indexes) - len(covered))
