"""What everybody may see of the log: its newest checkpoint, its hashes, who witnessed it, and whether it is frozen.

Nobody acts here and nobody is named, so that nothing of it leaves a leaf; what is written are cosignatures, which
stand outside the log as checkpoints do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.cosignature import cosigned_note, record_cosignatures
from transfer_service.audit.errors import NoteMalformed, NoteNotTrusted
from transfer_service.audit.policy import parse_policy
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.standing import count_witnesses
from transfer_service.audit.tiles import WIDTH, parse_tile, read_tile
from transfer_service.db.models import LogCheckpoint, LogHead
from transfer_service.db.session import Database
from transfer_service.domain.errors import NotFound
from transfer_service.use_cases.installation import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicLog:
    """The log as everybody sees it. `note` is empty and `size` 0 before the first checkpoint."""

    size: int
    signed_at: datetime | None
    note: str
    witnesses: int
    witnessed_size: int
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class TileShown:
    """A tile's bytes; a full one never changes again."""

    body: bytes
    is_full: bool


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What came of a witness's message: whether its cosignature was new, and the size that it is about."""

    size: int
    new: int


def get_public_log(session: Session, *, policy: str = "") -> PublicLog:
    """Return what is public of the log; witnesses count whom the `policy` names and whose signature is right."""
    newest = find_newest_checkpoint(session)
    witnessed_size, witnesses = count_witnesses(session, parse_policy(policy) if policy else None)
    return PublicLog(
        size=newest.size if newest else 0,
        signed_at=newest.signed_at if newest else None,
        note=get_checkpoint(session, policy=policy).decode() if newest else "",
        witnesses=witnesses,
        witnessed_size=witnessed_size,
        is_frozen=bool(session.scalar(select(LogHead.frozen))),
    )


def get_checkpoint(session: Session, *, policy: str = "") -> bytes:
    """Return the newest signed note with its cosignatures, but for wrong ones; raises NotFound before the first."""
    newest = find_newest_checkpoint(session)
    if newest is None:
        raise NotFound("checkpoint")
    return cosigned_note(session, newest, witnesses=parse_policy(policy).witnesses.values() if policy else ())


def get_tile(session: Session, *, level: int, rest: str) -> TileShown:
    """Return a tile that the newest checkpoint covers; raises NotFound for any other, and for what is no address."""
    try:
        tile = parse_tile(level, rest)
    except NoteMalformed as error:
        raise NotFound("tile") from error
    newest = find_newest_checkpoint(session)
    if newest is None or not tile.is_within(newest.size):
        raise NotFound("tile")
    return TileShown(read_tile(session, tile), is_full=tile.width == WIDTH)


def keep_cosignatures(session: Session, at: Installation, *, note: bytes, policy: str) -> Cosigned:
    """Keep the cosignatures in a note of this log that witnesses of the policy made; the same one again is no harm.

    Raises NoteMalformed, NoteNotTrusted for a wrong cosignature or one of nobody whom the policy names, and NotFound
    where this log has no checkpoint of that size.
    """
    witnesses = parse_policy(policy).witnesses.values() if policy else ()
    signed = parse_checkpoint(note)
    size = signed.checkpoint.size
    if session.get(LogCheckpoint, size) is None:
        raise NotFound("checkpoint")
    known = {(key.name, key.key_id) for key in witnesses}
    if not any((signature.name, signature.key_id) in known for signature in signed.signatures):
        raise NoteNotTrusted(
            "The policy of this log names no such witness. Send its verifier key to whoever operates the service."
        )
    new = record_cosignatures(session, size, signatures=signed.signatures, witnesses=witnesses, now=at.now())
    return Cosigned(size, new)


def is_log_frozen(database: Database) -> bool:
    """Tell whether the log takes no leaf, for the banner of the pages; a database that cannot say so counts as no.

    The page itself then says what is wrong with the database; a banner must not be what breaks it.
    """
    try:
        with database.reading() as session:
            return bool(session.scalar(select(LogHead.frozen)))
    except DBAPIError:
        return False
