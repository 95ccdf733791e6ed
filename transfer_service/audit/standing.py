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
"""Cosignatures among which a quorum is looked for: weeks of an hourly witness. Those further off wait for it."""

COUNTED_AMONG: Final = 60
"""The newest cosignatures among which right ones are looked for to be counted, on pages that many look at."""


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
    return next(_witnessed(session, idx, policy), Standing(first, lacks_witnesses=True))


def find_newest_standing(session: Session, policy: Policy | None = None) -> Standing | None:
    """Return the newest checkpoint that enough witnesses have seen, or the newest of all where none is; None for none.

    What several entries stand on that are taken away together: they are of one tree then.
    """
    newest = session.scalars(select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1)).one_or_none()
    if newest is None or policy is None or policy.quorum == NO_QUORUM:
        return None if newest is None else Standing(newest)
    return next(_witnessed(session, -1, policy, newest_first=True), Standing(newest, lacks_witnesses=True))


def count_witnesses(session: Session, policy: Policy | None) -> tuple[int, int]:
    """Return the newest size that a witness of the policy has seen, and how many have; zeroes for none.

    A signature is counted only where it is right: rows can be written by whoever can write into the database.
    """
    if policy is None or not policy.witnesses:
        return 0, 0
    for checkpoint, names in _cosigned(session, -1, policy, newest_first=True, limit=COUNTED_AMONG):
        if names:
            return checkpoint.size, len(names)
    return 0, 0


def _witnessed(session: Session, idx: int, policy: Policy, *, newest_first: bool = False) -> Iterator[Standing]:
    """Each checkpoint that covers the leaf `idx` and that enough witnesses of the policy have seen."""
    for checkpoint, witnesses in _cosigned(session, idx, policy, newest_first=newest_first):
        if policy.is_met_by(witnesses):
            yield Standing(checkpoint)


def _cosigned(
    session: Session, idx: int, policy: Policy, *, newest_first: bool, limit: int = MOST_LOOKED_AT
) -> Iterator[tuple[LogCheckpoint, set[str]]]:
    """Each covering checkpoint that anybody cosigned, in order of size, with the policy's names of the right ones."""
    size = LogCosignature.size.desc() if newest_first else LogCosignature.size
    rows = session.execute(
        select(LogCheckpoint, LogCosignature)
        .join(LogCosignature, LogCosignature.size == LogCheckpoint.size)
        .where(LogCosignature.size > idx)
        .order_by(size, LogCosignature.witness, LogCosignature.key_id)
        .limit(limit)
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
