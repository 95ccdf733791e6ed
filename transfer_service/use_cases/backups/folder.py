"""The folder of a backup: where its parts are, and the list that tells whether they are whole.

backup.json             what it is of, when it was made, and the SHA-256 of every file below but the sealed items
tables/<table>.jsonl    one row a line
log/                    the log as `audit export` writes it, with sealed details: verifier.py checks it as it is
blobs/<key>             sealed items of the store; each row has its length and hash
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from transfer_service.use_cases.backups.refusals import BackupRefused

FORMAT: Final = 1
LIST_NAME: Final = "backup.json"
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFacts:
    """What a backup is of: `revision` of the database's tables, `origin` of its log (empty before it was signed)."""

    deployment: str
    revision: str
    made_at: str
    origin: str
    size: int
    signed_size: int


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines into a new file and return how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("x", encoding="ascii", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count


def read_lines(path: Path) -> Iterator[bytes]:
    """Read the lines of a file, one in memory at a time."""
    with path.open("rb") as file:
        yield from file


def write_list(directory: Path, facts: BackupFacts) -> None:
    """Write the list last of all: a folder without one is a backup that was not finished."""
    value = {"format": FORMAT, **asdict(facts), "files": dict(_hash_files(directory))}
    (directory / LIST_NAME).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="ascii")


def read_list(directory: Path) -> BackupFacts:
    """Read what a backup is of, having compared every file with its hash; raises BackupRefused."""
    try:
        value: dict[str, Any] = json.loads((directory / LIST_NAME).read_bytes())
        files = dict(value.pop("files"))
        known = value.pop("format")
        facts = BackupFacts(**value)
    except FileNotFoundError:
        raise BackupRefused(
            f"There is no {LIST_NAME} in {directory}: it is no backup, or one that was not finished. Give another."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BackupRefused(f"{LIST_NAME} in {directory} cannot be read. Give another backup.") from None
    if known != FORMAT:
        raise BackupRefused("The backup was made by a later version. Restore it with that version.")
    found = dict(_hash_files(directory))
    wrong = sorted(name for name in files.keys() | found.keys() if files.get(name) != found.get(name))
    if wrong:
        raise BackupRefused(
            f"{len(wrong)} files of the backup are missing, added or damaged, {wrong[0]} first. Give another backup."
        )
    return facts


def _hash_files(directory: Path) -> Iterator[tuple[str, str]]:
    for part in ("tables", "log"):
        for path in sorted((directory / part).rglob("*")):
            if path.is_file():
                yield path.relative_to(directory).as_posix(), _hash(path)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
