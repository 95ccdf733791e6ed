"""Cosignatures: what a witness signs when it has seen that the log only grew (C2SP tlog-cosignature, Ed25519).

Source: https://c2sp.org/tlog-cosignature. A witness of another organisation makes it impossible to show two schools
two histories unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import NoteSignature, add_signatures, parse_checkpoint
from transfer_service.audit.errors import LogError, NoteMalformed, NoteNotTrusted
from transfer_service.audit.numbering import KeptCosignature, read_numbering
from transfer_service.crypto.signing import ED25519_COSIGNATURE, VerifierKey, key_id, public_key_of, sign
from transfer_service.db.models.log import LogCheckpoint, LogCosignature, LogHead

_TIME_LIMIT: Final = 2**63


def cosign(note: bytes, *, name: str, seed: bytes, now: datetime) -> NoteSignature:
    """Cosign a checkpoint as the witness `name` with its 32-byte Ed25519 seed.

    The caller must have verified the log's signature and the consistency with what the witness saw before.
    """
    seconds = int(now.timestamp())
    signature = sign(seed, _signed_message(parse_checkpoint(note).text, seconds))
    identifier = key_id(name, ED25519_COSIGNATURE, public_key_of(seed))
    return NoteSignature(name, identifier, seconds.to_bytes(8, "big") + signature)


def verify_cosignature(note: bytes, signature: NoteSignature, key: VerifierKey) -> datetime:
    """Return when the witness saw the checkpoint; raises NoteNotTrusted unless this key cosigned it."""
    seconds = int.from_bytes(signature.signature[:8], "big")
    is_of_key = (signature.name, signature.key_id) == (key.name, key.key_id) and key.algorithm == ED25519_COSIGNATURE
    message = _signed_message(parse_checkpoint(note).text, seconds)
    if not is_of_key or seconds >= _TIME_LIMIT or not key.verifies(signature.signature[8:], message):
        raise NoteNotTrusted("The cosignature is not one of this witness over this checkpoint.")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NoteMalformed("The cosignature's time is in no calendar.") from error


def record_cosignatures(
    session: Session, size: int, *, signatures: Iterable[NoteSignature], witnesses: Iterable[VerifierKey], now: datetime
) -> int:
    """Keep the cosignatures of known witnesses on the stored checkpoint of this size; returns how many are new.

    A known one whose signature is wrong raises NoteNotTrusted; those of unknown witnesses are passed over.
    """
    stored = session.get(LogCheckpoint, size)
    if stored is None:
        raise NoteMalformed("There is no checkpoint of this size. Fetch the newest one and cosign that.")
    known = {(key.name, key.key_id): key for key in witnesses}
    # One writer at a time, and none while the signer stores a checkpoint: the numbers then have no gaps.
    session.execute(select(LogHead.size).with_for_update())
    number = next_number(session)
    count = 0
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        verify_cosignature(stored.note, signature, key)
        if session.get(LogCosignature, (size, signature.name, signature.key_id)) is None:
            session.add(
                LogCosignature(
                    size=size,
                    witness=signature.name,
                    key_id=signature.key_id,
                    signature=signature.signature,
                    received_at=now,
                    number=number + count,
                )
            )
            count += 1
    session.flush()
    return count


def next_number(session: Session) -> int:
    """Return the number of the next cosignature: past those stored, and past those that a checkpoint says were kept."""
    stored = session.scalar(select(func.max(LogCosignature.number))) or 0
    newest = session.scalar(select(LogCheckpoint.note).order_by(LogCheckpoint.size.desc()).limit(1))
    numbering = read_numbering(newest) if newest is not None else None
    return max(stored, numbering.kept.count if numbering else 0) + 1


def as_kept(row: Any) -> KeptCosignature:
    """Return a stored row as the chain of kept cosignatures takes it in."""
    return KeptCosignature(
        number=row.number,
        size=row.size,
        witness=row.witness,
        key_id=row.key_id,
        signature=row.signature,
        received_at=row.received_at,
    )


def cosigned_note(session: Session, checkpoint: LogCheckpoint, *, witnesses: Iterable[VerifierKey] = ()) -> bytes:
    """Return a stored checkpoint with the cosignatures that came in for it.

    Those of `witnesses` that are wrong are left out: readers condemn a note with one, and whoever can write into the
    database could spoil every receipt by a row.
    """
    rows = session.scalars(
        select(LogCosignature)
        .where(LogCosignature.size == checkpoint.size)
        .order_by(LogCosignature.witness, LogCosignature.key_id)
    )
    known = {(key.name, key.key_id): key for key in witnesses}
    lines = [NoteSignature(row.witness, row.key_id, row.signature) for row in rows]
    return add_signatures(checkpoint.note, [line for line in lines if _may_stand(checkpoint.note, line, known)])


def _may_stand(note: bytes, line: NoteSignature, known: Mapping[tuple[str, bytes], VerifierKey]) -> bool:
    key = known.get((line.name, line.key_id))
    if key is None:
        return True
    try:
        verify_cosignature(note, line, key)
    except LogError:
        return False
    return True


def _signed_message(text: bytes, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n".encode() + text
