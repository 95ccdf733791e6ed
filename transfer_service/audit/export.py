"""A copy of the log as plain files, which `verifier.py verify log DIR` checks and a restore reads.

checkpoint                  the newest signed note, with its cosignatures
checkpoints.jsonl           every note: {"size": …, "note": "<base64>"}
cosignatures.jsonl          every kept signature of a witness, in the order in which they came
entries/000000000.jsonl     the leaf bytes as they are, one a line, 10,000 a file
details/000000000.jsonl     {"idx": …, "salt": "<base64>", "detail": "<base64>"}, only where details are opened
sealed/000000000.jsonl      {"idx": …, "sealed": "<base64>"}, for a backup: opens with the field keys alone
unsigned.jsonl              leaf bytes newer than the newest checkpoint
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.cosignature import cosigned_note
from transfer_service.audit.detail import split_salt
from transfer_service.audit.errors import LogInconsistent
from transfer_service.audit.log import OpenDetail, StoredEntry
from transfer_service.audit.nodes import log_size
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.db.models.log import LogCheckpoint, LogCosignature, LogDetail, LogLeaf

PER_FILE: Final = 10_000
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How many leaves were written, how many of them a signature covers, and how many details."""

    size: int
    signed_size: int
    details: int


def export_log(
    session: Session,
    directory: Path,
    *,
    open_sealed: OpenDetail | None = None,
    with_sealed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Write the whole log into a new or empty directory, in bounded memory.

    Details are personal data: they are written in clear only with `open_sealed`, and as they are stored, for a
    backup, only `with_sealed`. The session must see one moment (`reading()`). Raises LogInconsistent where the
    directory is not empty.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise LogInconsistent("The directory is not empty. Export the log into a new one.")
    size = log_size(session)
    newest = find_newest_checkpoint(session)
    signed = newest.size if newest else 0
    if newest:
        (directory / "checkpoint").write_bytes(cosigned_note(session, newest))
    _write_lines(directory / "checkpoints.jsonl", _checkpoint_lines(session))
    _write_lines(directory / "cosignatures.jsonl", _cosignature_lines(session))
    for start in range(0, signed, PER_FILE):
        end = min(start + PER_FILE, signed)
        _write_lines(_numbered(directory / "entries", start), _leaf_lines(session, start, end))
        if progress:
            progress(end, size)
    if size > signed:
        _write_lines(directory / "unsigned.jsonl", _leaf_lines(session, signed, size))
    details = 0
    if open_sealed:
        details = _write_details(
            session, directory / "details", size, lambda idx, sealed: _opened(open_sealed, idx, sealed)
        )
    if with_sealed:
        details = _write_details(session, directory / "sealed", size, _as_stored)
    return ExportReport(size, signed, details)


def read_export(directory: Path, *, start: int = 0) -> Iterator[StoredEntry]:
    """Read back leaves from `start` on, with sealed details where the export holds them, for a restore."""
    sealed: dict[int, bytes] = {}
    idx = 0
    for path in [*sorted((directory / "entries").glob("*.jsonl")), directory / "unsigned.jsonl"]:
        if not path.exists():
            continue
        with path.open("rb") as lines:
            for line in lines:
                if idx % PER_FILE == 0:
                    sealed = _read_sealed(directory, idx)
                if idx >= start:
                    yield StoredEntry(line.rstrip(b"\n"), sealed.get(idx))
                idx += 1


def _read_sealed(directory: Path, start: int) -> dict[int, bytes]:
    path = _numbered(directory / "sealed", start)
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return {row["idx"]: base64.b64decode(row["sealed"]) for row in rows}


def _write_details(session: Session, folder: Path, size: int, shape: Callable[[int, bytes], dict[str, Any]]) -> int:
    count = 0
    for start in range(0, size, PER_FILE):
        rows = session.execute(
            select(LogDetail.idx, LogDetail.sealed)
            .where(LogDetail.idx >= start, LogDetail.idx < start + PER_FILE)
            .order_by(LogDetail.idx)
            .execution_options(yield_per=_BATCH)
        )
        lines = [json.dumps(shape(row.idx, row.sealed), sort_keys=True) for row in rows]
        if lines:
            _write_lines(_numbered(folder, start), iter(lines))
            count += len(lines)
    return count


def _opened(open_sealed: OpenDetail, idx: int, sealed: bytes) -> dict[str, Any]:
    salt, detail = split_salt(open_sealed(idx, sealed))
    return {"idx": idx, "salt": _b64(salt), "detail": _b64(detail)}


def _as_stored(idx: int, sealed: bytes) -> dict[str, Any]:
    return {"idx": idx, "sealed": _b64(sealed)}


def _leaf_lines(session: Session, start: int, end: int) -> Iterator[str]:
    for first in range(start, end, _BATCH):
        bodies = session.scalars(
            select(LogLeaf.body)
            .where(LogLeaf.idx >= first, LogLeaf.idx < min(first + _BATCH, end))
            .order_by(LogLeaf.idx)
        )
        for body in bodies:
            # A leaf is ASCII without control characters, so it is one line as it is.
            yield body.decode("ascii")


def _checkpoint_lines(session: Session) -> Iterator[str]:
    rows = session.execute(
        select(LogCheckpoint.size, LogCheckpoint.note).order_by(LogCheckpoint.size).execution_options(yield_per=_BATCH)
    )
    for row in rows:
        yield json.dumps({"size": row.size, "note": _b64(row.note)}, sort_keys=True)


def _cosignature_lines(session: Session) -> Iterator[str]:
    choice = select(LogCosignature).order_by(LogCosignature.number).execution_options(yield_per=_BATCH)
    for row in session.scalars(choice):
        value = {
            "number": row.number,
            "size": row.size,
            "witness": row.witness,
            "key_id": _b64(row.key_id),
            "signature": _b64(row.signature),
            "received_at": row.received_at.isoformat(),
        }
        yield json.dumps(value, sort_keys=True)


def load_cosignatures(session: Session, directory: Path) -> int:
    """Store the witnesses' signatures of an export that are newer than those stored; returns how many.

    For a restore, whose check of the log judges them. Those of checkpoints that are not stored are left out.
    """
    path = directory / "cosignatures.jsonl"
    known = session.scalar(select(func.max(LogCosignature.number))) or 0
    count = 0
    for line in path.read_text(encoding="ascii").splitlines() if path.exists() else ():
        value = json.loads(line)
        if value["number"] <= known or session.get(LogCheckpoint, value["size"]) is None:
            continue
        session.add(
            LogCosignature(
                number=value["number"],
                size=value["size"],
                witness=value["witness"],
                key_id=base64.b64decode(value["key_id"]),
                signature=base64.b64decode(value["signature"]),
                received_at=datetime.fromisoformat(value["received_at"]),
            )
        )
        count += 1
    session.flush()
    return count


def _numbered(folder: Path, start: int) -> Path:
    return folder / f"{start // PER_FILE:09d}.jsonl"


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii", newline="\n") as file:
        _write_all(file, lines)


def _write_all(file: TextIO, lines: Iterator[str]) -> None:
    file.writelines(line + "\n" for line in lines)


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()
