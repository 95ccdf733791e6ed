"""`backup DIR`: one moment of the whole service in a folder, without any key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.export import ExportReport, export_log
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.db.queries.blobs import NamedBlob, iterate_blobs
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis, Event
from transfer_service.storage.errors import BlobMissing
from transfer_service.use_cases.backups.folder import BackupFacts, write_lines, write_list
from transfer_service.use_cases.backups.refusals import BackupRefused
from transfer_service.use_cases.backups.rows import dump_rows, list_log_tables, list_tables
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record

Progress = Callable[[int], None]


class SealedBytes(Protocol):
    """What making a backup asks of the store (`storage.blobs.Storage`)."""

    def read_chunks(self, key: str) -> Iterator[bytes]:
        """Read a blob piece by piece; raises BlobMissing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What was copied. `absent` sealed items were shredded meanwhile or are lost, `altered` are not as sealed."""

    rows: int
    leaves: int
    signed_leaves: int
    blobs: int
    absent: int
    altered: int


def make_backup(
    database: Database,
    at: Installation,
    store: SealedBytes,
    directory: Path,
    *,
    revision: str,
    progress: Progress = lambda _count: None,
) -> BackupReport:
    """Copy rows, log and sealed items into a new or empty folder that only its owner can read.

    The backup's own leaf is committed first, so that it is in the copy. All rows are of one moment. Sealed items are
    copied before it, and what came since after it: what is encrypted again meanwhile is there as its row says. The
    copy holds no key, and nobody's session. `progress` is told how many rows and sealed items are copied. Raises
    BackupRefused where the folder is not empty, LogFrozen.
    """
    if directory.exists() and any(directory.iterdir()):
        raise BackupRefused("The folder is not empty. Make the backup in a new one.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    with database.writing() as session:
        record(session, at, None, Event.BACKUP_MADE, basis=Basis.COMMAND_LINE)
    copied: dict[str, bool] = {}
    _copy_blobs(iterate_blobs(database.reading), store, directory / "blobs", copied, progress)
    with database.reading() as session:
        exported = export_log(session, directory / "log", with_sealed=True)
        rows = 0
        for table in [*list_tables(), *list_log_tables()]:
            rows += write_lines(directory / "tables" / f"{table.name}.jsonl", dump_rows(session, table))
            progress(rows)
        facts = _facts_of(session, at, exported, revision)
        named = iterate_blobs(lambda: nullcontext(session))
        counts = _copy_blobs(named, store, directory / "blobs", copied, lambda count: progress(rows + count))
    write_list(directory, facts)
    return BackupReport(
        rows=rows, leaves=exported.size, signed_leaves=exported.signed_size, blobs=counts[0], absent=counts[1],
        altered=counts[2],
    )  # fmt: skip


def _facts_of(session: Session, at: Installation, exported: ExportReport, revision: str) -> BackupFacts:
    newest = find_newest_checkpoint(session)
    return BackupFacts(
        deployment=at.deployment,
        revision=revision,
        made_at=at.now().isoformat(),
        origin=parse_checkpoint(newest.note).checkpoint.origin if newest else "",
        size=exported.size,
        signed_size=exported.signed_size,
    )


def _copy_blobs(
    named: Iterable[NamedBlob], store: SealedBytes, folder: Path, known: dict[str, bool], progress: Progress
) -> tuple[int, int, int]:
    """Copy every sealed item of the store that a row names; returns how many are there, absent and altered.

    `known` are those that were copied before, each with whether it is as it was sealed; the new ones are added to it.
    """
    copied = absent = altered = 0
    for blob in named:
        key = blob.key
        try:
            if key not in known:
                known[key] = _copy_blob(store, key, folder / key, blob.length, blob.digest)
        except BlobMissing:
            absent += 1
            continue
        copied, altered = copied + 1, altered + (not known[key])
        progress(copied)
    return copied, absent, altered


def _copy_blob(store: SealedBytes, key: str, path: Path, length: int, digest: bytes) -> bool:
    hashed, seen = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            for chunk in store.read_chunks(key):
                file.write(chunk)
                hashed.update(chunk)
                seen += len(chunk)
    except BlobMissing:
        path.unlink()
        raise
    return seen == length and hashed.digest() == digest
