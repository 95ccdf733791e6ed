"""Entries of the log to take away, each with the proof that it stands there, and without what stands beside it.

What was committed to beside an entry may name people; it can still be checked by whoever has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from transfer_service.audit.policy import Policy
from transfer_service.audit.receipts import compose_receipt, find_newest_checkpoint
from transfer_service.audit.standing import find_newest_standing


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """One entry by its index, as the bytes of a `.tlog-proof`."""

    idx: int
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EntryExport:
    """The entries that a checkpoint covers, in order; how many are too new for one, and how many for the witnesses."""

    entries: tuple[ProvenEntry, ...]
    unsigned: int
    unwitnessed: int = 0


def prove_entries(session: Session, indexes: Sequence[int], *, policy: Policy | None = None) -> EntryExport:
    """Compose the proofs of some entries, on one checkpoint so that they are of one tree.

    It is the newest that enough witnesses of the `policy` have seen; entries that are newer stand on the newest of all
    and are counted: they do not hold by that policy yet.
    """
    standing, newest = find_newest_standing(session, policy), find_newest_checkpoint(session)
    if standing is None or newest is None:
        return EntryExport((), unsigned=len(indexes))
    witnessed = 0 if standing.lacks_witnesses else standing.checkpoint.size
    covered = [idx for idx in indexes if idx < newest.size]
    proofs = tuple(
        ProvenEntry(
            idx,
            compose_receipt(
                session, idx, open_sealed=None, size=witnessed if idx < witnessed else newest.size, policy=policy
            ),
        )
        for idx in covered
    )
    return EntryExport(
        proofs, unsigned=len(indexes) - len(covered), unwitnessed=sum(1 for idx in covered if idx >= witnessed)
    )
