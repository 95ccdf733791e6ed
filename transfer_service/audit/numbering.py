"""The signer's second line under a checkpoint: which of all checkpoints it is, when it was signed, and what was kept.

A checkpoint fixes the leaves, and says neither that another one stood before it nor when it was signed. This line says
both, under the log's own key, so that neither a row that is taken away nor a time that is changed stays unseen. It
also fixes the witnesses' signatures that were kept until then, each by its place. Readers of the public formats pass
it over, as they pass over every signature of a kind that they do not know (https://c2sp.org/signed-note, type 0xff).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from transfer_service.audit.checkpoint import NoteSignature, SignedCheckpoint, parse_checkpoint
from transfer_service.audit.errors import NoteNotTrusted
from transfer_service.crypto.signing import ED25519_NOTE, SIGNATURE_LENGTH, LogSigningKey, VerifierKey

LABEL: Final = b"ptx/checkpoint/1"
NOTHING_KEPT: Final = bytes(32)
"""What the chain of kept cosignatures begins with."""

_KIND: Final = b"\xff"
_KEPT_LABEL: Final = b"ptx/cosignature/1"
_NUMBERS: Final = 8
_SAID_LENGTH: Final = 3 * _NUMBERS + len(NOTHING_KEPT)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many cosignatures were kept, and a hash over all of them in the order in which they came."""

    count: int = 0
    chain: bytes = NOTHING_KEPT


NO_COSIGNATURES: Final = Kept()


@dataclass(frozen=True, slots=True)
class Numbering:
    """What the line says: the checkpoint's number from 1, when it was signed, and the cosignatures kept before."""

    number: int
    signed_at: datetime
    kept: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCosignature:
    """One kept cosignature as the chain takes it in; `number` counts from 1 without gaps."""

    number: int
    size: int
    witness: str
    key_id: bytes
    signature: bytes
    received_at: datetime


def write_numbering(numbering: Numbering, *, text: bytes, key: LogSigningKey) -> NoteSignature:
    """Sign the line for the checkpoint whose note has this text."""
    said = _encode(numbering)
    return NoteSignature(key.name, _key_id(key.verifier), said + key.sign(_message(said, text)))


def read_numbering(note: bytes) -> Numbering | None:
    """Return what a note's line says without judging its signature, for the signer's own count; None without one."""
    found = _find(parse_checkpoint(note))
    return None if found is None else _decode(found.signature[:_SAID_LENGTH])


def verify_numbering(note: bytes, keys: Iterable[VerifierKey]) -> Numbering | None:
    """Return what one of the log's keys says about a stored note; None where the note has no such line.

    Raises NoteNotTrusted where the line is wrong or where a stored note has other lines than the signer writes.
    """
    signed = parse_checkpoint(note)
    found = _find(signed)
    if found is None and len(signed.signatures) == 1:
        return None
    known = {
        _key_id(key): key for key in keys if key.algorithm == ED25519_NOTE and key.name == signed.checkpoint.origin
    }
    key = known.get(found.key_id) if found is not None else None
    said = found.signature[:_SAID_LENGTH] if found is not None else b""
    if (
        found is None
        or key is None
        or len(signed.signatures) != 2
        or signed.signatures[1] != found
        or not key.verifies(found.signature[_SAID_LENGTH:], _message(said, signed.text))
    ):
        raise NoteNotTrusted("The line with the checkpoint's number and time is not one that this log signed.")
    return _decode(said)


def keep(kept: Kept, cosignature: KeptCosignature) -> Kept:
    """Take one more cosignature into the chain."""
    witness = cosignature.witness.encode()
    parts = (
        _KEPT_LABEL,
        kept.chain,
        _number(cosignature.number),
        _number(cosignature.size),
        _number(len(witness)),
        witness,
        cosignature.key_id,
        _number(_micros(cosignature.received_at)),
        cosignature.signature,
    )
    return Kept(kept.count + 1, hashlib.sha256(b"".join(parts)).digest())


def _find(signed: SignedCheckpoint) -> NoteSignature | None:
    """Find the line by its shape alone: the log's name and the length that no other signature has."""
    length = _SAID_LENGTH + SIGNATURE_LENGTH
    return next(
        (one for one in signed.signatures if one.name == signed.checkpoint.origin and len(one.signature) == length),
        None,
    )


def _key_id(key: VerifierKey) -> bytes:
    return hashlib.sha256(key.name.encode() + b"\n" + _KIND + LABEL + key.public_key).digest()[:4]


def _message(said: bytes, text: bytes) -> bytes:
    return LABEL + b"\n" + said + text


def _encode(numbering: Numbering) -> bytes:
    kept = numbering.kept
    return b"".join((_number(numbering.number), _number(_micros(numbering.signed_at)), _number(kept.count), kept.chain))


def _decode(said: bytes) -> Numbering:
    number, micros, count = (int.from_bytes(said[at : at + _NUMBERS], "big") for at in range(0, 3 * _NUMBERS, _NUMBERS))
    try:
        signed_at = _EPOCH + timedelta(microseconds=micros)
    except OverflowError as error:
        raise NoteNotTrusted("The time at which a checkpoint was signed is in no calendar.") from error
    return Numbering(number, signed_at, Kept(count, said[3 * _NUMBERS :]))


def _micros(at: datetime) -> int:
    return (at.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def _number(value: int) -> bytes:
    # Of a row that somebody changed a number may be negative: it is hashed as it is, and then does not fit.
    return value.to_bytes(_NUMBERS, "big", signed=value < 0)
