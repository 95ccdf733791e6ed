"""A successor of a log that cannot be made whole: the old one stays as it is, and the new one begins with its end.

The old log's leaves are in the backup's folder `log`, which `verifier.py verify log` checks for ever; receipts under it
stay checkable. What the service needs of it to open files is carried over leaf by leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import verify_checkpoint
from transfer_service.audit.detail import tell
from transfer_service.audit.signer_state import read_state
from transfer_service.crypto.signing import LogSigningKey, VerifierKey
from transfer_service.db.models import Acknowledgement, Dispatch, SchoolEpoch
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.transfer import DispatchKind
from transfer_service.use_cases.backups.folder import BackupFacts
from transfer_service.use_cases.backups.outside import read_newest_note
from transfer_service.use_cases.backups.refusals import BackupRefused
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import entry, record, record_all

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OldLog:
    """The log that is succeeded: its name, and the newest checkpoint of it that anybody has."""

    origin: str
    size: int
    root: bytes
    note: bytes


def check_may_succeed(facts: BackupFacts, *, key: LogSigningKey, state_file: Path) -> None:
    """Insist on a key of another name and on a state file of its own; raises BackupRefused."""
    if key.name == facts.origin:
        raise BackupRefused(
            "A successor has another name than the log before it. Make a new LOG_SIGNING_KEY with another name first."
        )
    state = read_state(state_file)
    if state is not None and (state.size or state.origin != key.name):
        raise BackupRefused("LOG_STATE_FILE is of another log. Name a new file: keep the old one as it is.")


def find_old_log(
    directory: Path,
    exports: Sequence[Path],
    checkpoints: Sequence[bytes],
    facts: BackupFacts,
    *,
    keys: Sequence[VerifierKey],
) -> OldLog:
    """Find the newest checkpoint of the old log that its keys signed; raises BackupRefused, NoteNotTrusted."""
    note = read_newest_note([directory / "log", *exports], checkpoints, facts.origin)
    if note is None:
        raise BackupRefused("Nothing of the old log was ever signed. Restore without --successor.")
    newest = verify_checkpoint(note, keys)
    return OldLog(origin=newest.origin, size=newest.size, root=newest.root, note=note)


def begin_successor(session: Session, at: Installation, old_log: OldLog) -> None:
    """Write the first leaf, which holds the old log's last checkpoint, then what files need to be opened."""
    told = f"This log succeeds {old_log.origin}, of which {old_log.size} leaves were signed."
    record(
        session, at, None, Event.LOG_STARTED, basis=Basis.RESTORE, digest=old_log.root,
        detail=tell(told, origin=old_log.origin, size=str(old_log.size), checkpoint=old_log.note.decode()),
    )  # fmt: skip
    _carry_dispatches(session, at)
    _carry_acknowledgements(session, at)


def _carry_dispatches(session: Session, at: Installation) -> None:
    """Say again which manifest each dispatch was sent with: nothing opens where no leaf says so."""
    sent = session.scalars(select(Dispatch).where(Dispatch.sent_leaf.is_not(None)).order_by(Dispatch.sent_leaf)).all()
    for start in range(0, len(sent), _AT_ONCE):
        some = sent[start : start + _AT_ONCE]
        positions = record_all(
            session,
            at,
            [
                entry(
                    None,
                    Event.NIL_DECLARED if one.kind is DispatchKind.NIL else Event.DISPATCH_SENT,
                    basis=Basis.RESTORE, org=one.transfer.sending_school_id, subject=one.id,
                    transfer=one.transfer_id, dispatch=one.id, epoch=one.sender_epoch, digest=one.manifest_hash,
                )
                for one in some
            ],
        )  # fmt: skip
        for one, position in zip(some, positions, strict=True):
            one.sent_leaf = position.idx
    session.flush()


def _carry_acknowledgements(session: Session, at: Installation) -> None:
    """Say again that each file was acknowledged, by the hash of what the receiving school signed."""
    rows = session.execute(
        select(Acknowledgement, Dispatch)
        .join(Dispatch, Dispatch.id == Acknowledgement.dispatch_id)
        .order_by(Dispatch.id)
    ).all()
    for acknowledgement, dispatch in rows:
        nil = dispatch.kind is DispatchKind.NIL
        key = session.scalar(
            select(SchoolEpoch.fingerprint).where(
                SchoolEpoch.school_id == dispatch.receiving_school_id, SchoolEpoch.number == acknowledgement.epoch
            )
        )
        position = record(
            session, at, None, Event.NIL_ACKNOWLEDGED if nil else Event.DISPATCH_ACKNOWLEDGED,
            basis=Basis.RESTORE, org=dispatch.receiving_school_id, subject=dispatch.id,
            transfer=dispatch.transfer_id, dispatch=dispatch.id, digest=sha256(acknowledgement.signed_bytes).digest(),
            epoch=acknowledgement.epoch,
            key=key.hex() if key else None,
        )  # fmt: skip
        acknowledgement.leaf = position.idx
    session.flush()
