"""The signer's own memory: the last size it signed and the tree at that size, in a file outside the database.

A backup that is put back, or rows that are cut off, cannot reach this file: by it the signer sees that the log went
back. The file moves forward after the checkpoint is committed and never before, so that it is never ahead. It also
counts the checkpoints and the witnesses' signatures that were kept, so that one that is taken away is missed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer_service.audit.durable_files import replace_durably
from transfer_service.audit.errors import SignerStateLost
from transfer_service.audit.numbering import NO_COSIGNATURES, NOTHING_KEPT, Kept
from transfer_service.audit.tree import HASH_LENGTH, root_of_frontier, split_frontier

VERSION = 2
UNNUMBERED_VERSION = 1
"""Files of the version that did not count checkpoints are read as having counted none."""


@dataclass(frozen=True, slots=True)
class SignerState:
    """What the signer has signed: the origin, the size, and the frontier, whose root was signed.

    `number` is that of the newest checkpoint, 0 before the first that had one; `kept` what it says of cosignatures.
    """

    origin: str
    size: int
    frontier: tuple[bytes, ...]
    number: int = 0
    kept: Kept = NO_COSIGNATURES

    @property
    def root(self) -> bytes:
        """Return the root of the tree at this size."""
        return root_of_frontier(self.frontier)


def read_state(path: Path) -> SignerState | None:
    """Read the state file, or None where there is none; raises SignerStateLost where it is damaged."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        value = json.loads(text)
        frontier = tuple(split_frontier(bytes.fromhex(value["frontier"])))
        number, kept = _read_counts(value)
        state = SignerState(str(value["origin"]), int(value["size"]), frontier, number, kept)
        is_whole = value["root"] == state.root.hex()
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if not is_whole or len(frontier) != state.size.bit_count() or any(len(part) != HASH_LENGTH for part in frontier):
        raise _damaged(path)
    return state


def write_state(path: Path, state: SignerState) -> None:
    """Replace the state file in one step that survives a power cut; only the owner can read it."""
    value = {
        "v": VERSION,
        "origin": state.origin,
        "size": state.size,
        "root": state.root.hex(),
        "frontier": b"".join(state.frontier).hex(),
        "checkpoints": state.number,
        "cosignatures": {"count": state.kept.count, "chain": state.kept.chain.hex()},
    }
    replace_durably(path, value)


@contextmanager
def locked_state(path: Path) -> Iterator[bool]:
    """Hold the lock beside the state file for the block; gives False at once where another signer holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _read_counts(value: Mapping[str, Any]) -> tuple[int, Kept]:
    if value["v"] == UNNUMBERED_VERSION:
        return 0, Kept()
    kept = Kept(int(value["cosignatures"]["count"]), bytes.fromhex(value["cosignatures"]["chain"]))
    if value["v"] != VERSION or len(kept.chain) != len(NOTHING_KEPT):
        raise ValueError("a version or a hash that this module does not know")
    return int(value["checkpoints"]), kept


def _damaged(path: Path) -> SignerStateLost:
    return SignerStateLost(
        f"The signer's state file {path.name} is damaged. Put back a copy of it, or follow “When the state file is "
        "lost” in docs/log.md."
    )
