"""Writing into a local folder so that a file is there whole and safe on the disk, or not at all."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

INCOMING = "incoming"
"""The folder inside the store where bytes arrive before they get their name."""


def write_new(root: Path, key: str, chunks: Iterable[bytes]) -> None:
    """Write the chunks to `root/key`, which must not exist; nobody ever sees a part of it.

    The bytes arrive in a file of another name, are forced to the disk, and get their name by a hard link, which the
    kernel refuses where the name is taken. The folders are forced to the disk too, else a power cut could lose the
    name of a file whose row is committed.

    Raises FileExistsError where the key is taken, OSError where the disk refuses, and whatever `chunks` raises.
    """
    incoming = root / INCOMING
    incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=incoming)
    arriving = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        final = root / key
        _make_folders(root, final.parent)
        os.link(arriving, final)
        _force_folder(final.parent)
    finally:
        arriving.unlink(missing_ok=True)


def remove_unfinished(root: Path, *, older_than: float) -> int:
    """Remove what was left half-written by a process that was killed; returns how many files went.

    `older_than` is in seconds since 1970, so that uploads that are still running are left alone.
    """
    removed = 0
    incoming = root / INCOMING
    if not incoming.is_dir():
        return 0
    for left in incoming.iterdir():
        if left.stat().st_mtime < older_than:
            left.unlink(missing_ok=True)
            removed += 1
    return removed


def _make_folders(root: Path, folder: Path) -> None:
    """Make the folders between the root and this one, each recorded in its parent on the disk."""
    if folder == root or folder.is_dir():
        return
    _make_folders(root, folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _force_folder(folder.parent)


def _force_folder(folder: Path) -> None:
    """Force the names inside a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
