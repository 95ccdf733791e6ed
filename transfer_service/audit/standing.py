"""On which checkpoint a receipt stands: the first that covers its leaf and that enough witnesses have seen.

Where the policy asks for a quorum of witnesses, a receipt on a checkpoint that too few have cosigned would fail for
whoever checks it by that policy. Until there is a better one it stands on the first that covers its leaf, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import NoteSignature
from transfer_service.audit.cosignature import verify_cosignature
from transfer_service.audit.errors import LogError
from transfer_service.audit.policy import NO_QUORUM, Policy
from transfer_service.db.models.log import LogCheckpoint, LogCosignature

MOST_LOOKED_AT: Final = 1_000
"""Cosignatures behind a leaf among which a quorum is looked for: weeks of an hourly witness. Later ones wait for it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The checkpoint under a receipt; `lacks_witnesses` where the policy asks for more than have cosigned it."""

    checkpoint: LogCheckpoint
    lacks_witnesses: bool = False


def find_standing(session: Session, idx: int, policy: Policy | None = None) -> Standing | None:
    """Return what a receipt of the leaf `idx` stands on, or None where the signer has not come to it yet."""
    first = session.scalars(
        select(LogCheckpoint).where(LogCheckpoint.size > idx).order_by(LogCheckpoint.size).limit(1)
    ).one_or_none()
    if first is None or policy is None or policy.quorum == NO_QUORUM:
        return None if first is None else Standing(first)
    for checkpoint, witnesses in _cosigned(session, idx, policy):
        if policy.is_met_by(witnesses):
            return Standing(checkpoint)
    return Standing(first, lacks_witnesses=True)


def _cosigned(session: Session, idx: int, policy: Policy) -> Iterator[tuple[LogCheckpoint, set[str]]]:
    """Each covering checkpoint that anybody cosigned, the first first, with the policy's names of the right ones."""
    rows = session.execute(
        select(LogCheckpoint, LogCosignature)
        .join(LogCosignature, LogCosignature.size == LogCheckpoint.size)
        .where(LogCosignature.size > idx)
        .order_by(LogCosignature.size, LogCosignature.witness, LogCosignature.key_id)
        .limit(MOST_LOOKED_AT)
    ).all()
    for _, group in groupby(rows, key=lambda row: row[0].size):
        of_size = list(group)
        checkpoint = of_size[0][0]
        names = {_name_of(checkpoint, row[1], policy) for row in of_size}
        yield checkpoint, {name for name in names if name is not None}


def _name_of(checkpoint: LogCheckpoint, stored: LogCosignature, policy: Policy) -> str | None:
    """The policy's name of the witness whose right signature this is; None for one that a verifier would not count."""
    for name, key in policy.witnesses.items():
        if (key.name, key.key_id) == (stored.witness, stored.key_id):
            try:
                verify_cosignature(checkpoint.note, NoteSignature(stored.witness, stored.key_id, stored.signature), key)
            except LogError:
                return None
            return name
    return None
