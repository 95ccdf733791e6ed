"""Putting the parts of a backup into an empty database: rows, leaves, checkpoints, sealed items."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import own_lines, verify_checkpoint
from transfer_service.audit.export import load_cosignatures, read_export
from transfer_service.audit.log import StoredEntry, reimport_all
from transfer_service.audit.nodes import log_size
from transfer_service.audit.numbering import read_numbering
from transfer_service.crypto.signing import VerifierKey
from transfer_service.db.models import Item, LogCheckpoint, LogLeaf
from transfer_service.storage.errors import BlobExists
from transfer_service.use_cases.backups.folder import read_lines
from transfer_service.use_cases.backups.outside import Known
from transfer_service.use_cases.backups.refusals import BackupRefused
from transfer_service.use_cases.backups.rows import is_empty, list_log_tables, list_tables, load_rows

_AT_ONCE: Final = 500
_PIECE: Final = 1024 * 1024


class NewSealedBytes(Protocol):
    """What putting a backup back asks of the store (`storage.blobs.Storage`)."""

    def put_new(self, key: str, chunks: Iterable[bytes]) -> object:
        """Store a blob; raises BlobExists."""
        ...

    def read_chunks(self, key: str) -> Iterator[bytes]:
        """Read a blob piece by piece; raises BlobMissing."""
        ...

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """List every key."""
        ...


def check_is_empty(session: Session) -> None:
    """Insist that nothing was ever done in this database; raises BackupRefused."""
    if log_size(session) or any(not is_empty(session, table) for table in list_tables()):
        raise BackupRefused(
            "The database is not empty. Make a new one with transfer-service db upgrade and restore into that; keep "
            "the old one as it is until the restore is done."
        )


def load_tables(session: Session, directory: Path) -> int:
    """Put back every row but the log's, and return how many; raises BackupRefused where a line is no row."""
    count = 0
    for table in list_tables():
        try:
            count += load_rows(session, table, read_lines(directory / "tables" / f"{table.name}.jsonl"))
        except (ValueError, KeyError, TypeError):
            raise _not_of_this_version(table.name) from None
    return count


def load_leaves(session: Session, directory: Path, exports: Sequence[Path], *, keys: Sequence[VerifierKey]) -> None:
    """Append the backup's leaves, then those of each export that are newer and that its checkpoint covers.

    Leaves that no signature covers are taken only from the backup: anybody could have written them into an export.
    Raises NoteMalformed, NoteNotTrusted, LogInconsistent.
    """
    reimport_all(session, entries=read_export(directory / "log"))
    _load_checkpoints(session, directory)
    for export in exports:
        _load_export(session, export, keys)


def _load_export(session: Session, export: Path, keys: Sequence[VerifierKey]) -> None:
    note = export / "checkpoint"
    if not note.exists():
        raise BackupRefused(f"No checkpoint is in {export}: it is no export of the log, or nothing in it was signed.")
    signed, size = verify_checkpoint(note.read_bytes(), keys), log_size(session)
    if signed.size <= size:
        return
    entries = islice(read_export(export, start=size), signed.size - size)
    reimport_all(session, entries=entries)
    if log_size(session) != signed.size:
        raise BackupRefused(f"Leaves that its checkpoint names are absent from {export}. Give another export.")
    newest = session.scalar(select(func.max(LogCheckpoint.size))) or 0
    for line in read_lines(export / "checkpoints.jsonl"):
        stored = json.loads(line)
        if newest < stored["size"] <= signed.size:
            add_checkpoint(session, stored["size"], base64.b64decode(stored["note"]))
    load_cosignatures(session, export)


def _load_checkpoints(session: Session, directory: Path) -> None:
    for table in list_log_tables():
        try:
            load_rows(session, table, read_lines(directory / "tables" / f"{table.name}.jsonl"))
        except (ValueError, KeyError, TypeError):
            raise _not_of_this_version(table.name) from None


def load_known_notes(session: Session, known: Sequence[Known]) -> None:
    """Store checkpoints from outside that are newer than the newest one stored; they were compared with the log."""
    for one in known:
        newest = session.scalar(select(func.max(LogCheckpoint.size))) or 0
        if one.note is not None and one.size > newest:
            add_checkpoint(session, one.size, own_lines(one.note))


def add_checkpoint(session: Session, size: int, note: bytes) -> None:
    """Store a checkpoint; where its note does not say when it was signed, it has the time of its last leaf."""
    numbering = read_numbering(note)
    signed_at = numbering.signed_at if numbering is not None else _time_of(session, size - 1)
    session.add(LogCheckpoint(size=size, note=note, signed_at=signed_at))
    session.flush()


def load_blobs(session: Session, store: NewSealedBytes, directory: Path) -> tuple[int, int]:
    """Put back the sealed items that rows still name; returns how many, and how many are not in the backup.

    What was shredded since is named by no row any more, so that it stays out of the store.
    """
    copied = absent = 0
    keys = session.scalars(
        select(Item.blob_key).where(Item.blob_key.is_not(None)).order_by(Item.id).execution_options(yield_per=_AT_ONCE)
    )
    for key in keys:
        path = directory / "blobs" / str(key)
        if not path.exists():
            absent += 1
            continue
        try:
            store.put_new(str(key), _pieces(path))
        except BlobExists:
            continue  # the store outlived the database; the doctor compares what is in it with the row
        copied += 1
    return copied, absent


def iterate_new_entries(exports: Sequence[Path], *, start: int) -> Iterator[StoredEntry]:
    """Read the leaves from `start` on of the longest of several exports."""
    lengths = {export: sum(1 for _ in read_export(export, start=start)) for export in exports}
    if lengths:
        yield from read_export(max(lengths, key=lambda export: lengths[export]), start=start)


def _time_of(session: Session, idx: int) -> datetime:
    return session.scalars(select(LogLeaf.at).where(LogLeaf.idx == idx)).one()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _not_of_this_version(table: str) -> BackupRefused:
    return BackupRefused(f"The backup's rows of {table} are not of this version. Restore it with the one that made it.")
