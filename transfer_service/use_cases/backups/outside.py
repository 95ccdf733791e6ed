"""What somebody else knows of the log: the signer's state file, and checkpoints that others kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import parse_checkpoint, verify_checkpoint
from transfer_service.audit.nodes import log_size, root_at
from transfer_service.audit.proof import HEADER, parse_proof
from transfer_service.audit.signer_state import read_state
from transfer_service.crypto.signing import VerifierKey
from transfer_service.use_cases.backups.folder import BackupFacts
from transfer_service.use_cases.backups.refusals import AnotherHistory, BackupRefused, LogNotWhole


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """That the log had this root at this size, and who knows it; `note` where it is a signed checkpoint."""

    size: int
    root: bytes
    source: str
    note: bytes | None = None


def list_known(*, state_file: Path, checkpoints: Sequence[bytes], keys: Sequence[VerifierKey]) -> list[Known]:
    """List what is known from outside the backup, smallest first.

    A checkpoint may be a signed note or a whole receipt. Raises SignerStateLost where the state file is damaged,
    NoteMalformed or NoteNotTrusted for a checkpoint that is not of one of the log's keys.
    """
    known = []
    state = read_state(state_file)
    if state is not None and state.size:
        known.append(Known(size=state.size, root=state.root, source="the signer's state file"))
    for data in checkpoints:
        note = note_of(data)
        checkpoint = verify_checkpoint(note, keys)
        source = f"the checkpoint of {checkpoint.size} leaves from outside"
        known.append(Known(size=checkpoint.size, root=checkpoint.root, source=source, note=note))
    return sorted(known, key=lambda one: one.size)


def note_of(data: bytes) -> bytes:
    """Return the signed note in a receipt, or the bytes themselves where they are one."""
    return parse_proof(data).note if data.startswith(HEADER.encode()) else data


def check_has_witness(facts: BackupFacts, known: Sequence[Known]) -> None:
    """Insist that something outside the backup tells how far the log had grown; raises BackupRefused."""
    if facts.signed_size and not known:
        raise BackupRefused(
            "Nothing outside the backup tells how far the log had grown. Put the signer's state file back "
            "(LOG_STATE_FILE), or give the newest checkpoint of a receipt, weekly mail or witness with --checkpoint."
        )


def check_is_whole(session: Session, known: Sequence[Known]) -> None:
    """Compare the log as it is now with all that is known; raises LogNotWhole, AnotherHistory."""
    size = log_size(session)
    for one in known:
        if one.size > size:
            raise LogNotWhole(size=size, known=known[-1].size)
        if root_at(session, one.size) != one.root:
            raise AnotherHistory(one.source)


def read_newest_note(folders: Sequence[Path], others: Sequence[bytes], origin: str) -> bytes | None:
    """Return the note of the largest size among exports and others that names this log; the signature is not judged."""
    notes = [path.read_bytes() for folder in folders if (path := folder / "checkpoint").exists()]
    notes += [note_of(data) for data in others]
    ours = [note for note in notes if parse_checkpoint(note).checkpoint.origin == origin]
    return max(ours, key=lambda note: parse_checkpoint(note).checkpoint.size, default=None)
