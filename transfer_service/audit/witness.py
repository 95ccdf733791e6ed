"""A witness: signs that it saw the log grow, and never two histories of it (C2SP tlog-witness).

It remembers for each log the last checkpoint that it cosigned, and cosigns the next one only with a proof that this
one begins with it. What it remembers is on the disk before a cosignature leaves it. Sources:
https://c2sp.org/tlog-witness and https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from transfer_service.audit.checkpoint import (
    Checkpoint,
    NoteSignature,
    decode_base64,
    parse_checkpoint,
    parse_number,
    verify_checkpoint,
)
from transfer_service.audit.cosignature import cosign
from transfer_service.audit.durable_files import replace_durably
from transfer_service.audit.errors import NoteMalformed, NotWitnessed
from transfer_service.audit.tree import HASH_LENGTH, verifies_consistency
from transfer_service.crypto.signing import VerifierKey

PROOF_LIMIT: Final = 63
"""Hashes of the longest consistency proof that a witness reads."""
REQUEST_LIMIT: Final = 128 * 1024
MEMORY_VERSION: Final = 1


class UnknownLog(NotWitnessed):
    """The checkpoint is of a log that this witness does not follow."""

    def __init__(self) -> None:
        super().__init__("This witness does not follow that log. Add the log's key to the witness's policy first.")


class OutOfStep(NotWitnessed):
    """The proof does not begin where the witness stands; `size` is where that is."""

    def __init__(self, size: int) -> None:
        super().__init__(f"This witness last saw the log at size {size}. Prove the growth from there.")
        self.size = size


class NotTheSameLog(NotWitnessed):
    """The new checkpoint does not begin with what the witness saw before: two histories, or a wrong proof."""

    def __init__(self, old: int, new: int) -> None:
        super().__init__(
            f"The log at size {new} is not shown to begin with what was seen at size {old}. Nothing was signed. "
            "Keep both checkpoints: if no right proof can be given, the log was rewritten."
        )
        self.old = old
        self.new = new


@dataclass(frozen=True, slots=True)
class Seen:
    """The last checkpoint of a log that the witness cosigned: its size and root, and the whole note as evidence."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks: from where its proof begins, the proof, and its newest checkpoint's note."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


def write_request(request: Request) -> bytes:
    """Write the body of `add-checkpoint`."""
    hashes = "".join(base64.b64encode(digest).decode() + "\n" for digest in request.proof)
    return f"old {request.old_size}\n{hashes}\n".encode() + request.note


def parse_request(body: bytes) -> Request:
    """Read the body of `add-checkpoint`; raises NoteMalformed."""
    head, gap, note = body.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not gap or not lines[0].startswith("old ") or len(lines) - 1 > PROOF_LIMIT or len(body) > REQUEST_LIMIT:
        raise NoteMalformed("A request is the old size, at most 63 hashes, an empty line, and a checkpoint.")
    proof = tuple(decode_base64(line) for line in lines[1:])
    if any(len(digest) != HASH_LENGTH for digest in proof):
        raise NoteMalformed("A hash of the proof has not 32 bytes.")
    parse_checkpoint(note)
    return Request(parse_number(lines[0].removeprefix("old ")), proof, note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness with its name, its seed, the keys of the logs that it follows, and the file of its memory."""

    name: str
    seed: bytes
    logs: tuple[VerifierKey, ...]
    memory: Path

    def find_seen(self, origin: str) -> Seen | None:
        """Return what was last cosigned of a log, or None before the first contact."""
        return _read_memory(self.memory).get(origin)

    def add_checkpoint(self, request: Request, *, now: datetime) -> NoteSignature:
        """Check the growth, remember the new checkpoint, and cosign it.

        First contact is an old size of 0 with an empty proof: "first seen". Raises UnknownLog, NoteNotTrusted,
        NoteMalformed, OutOfStep and NotTheSameLog; nothing is remembered then.
        """
        origin = parse_checkpoint(request.note).checkpoint.origin
        if origin not in {key.name for key in self.logs}:
            raise UnknownLog
        checkpoint = verify_checkpoint(request.note, self.logs)
        if request.old_size > checkpoint.size:
            raise NoteMalformed("The old size is larger than the checkpoint's.")
        with _held(self.memory):
            memory = _read_memory(self.memory)
            _check_growth(memory.get(origin), request, checkpoint)
            memory[origin] = Seen(checkpoint.size, checkpoint.root, request.note)
            _write_memory(self.memory, memory)
        return cosign(request.note, name=self.name, seed=self.seed, now=now)


def _check_growth(seen: Seen | None, request: Request, checkpoint: Checkpoint) -> None:
    if checkpoint.size == 0:
        raise NoteMalformed("An empty log has nothing to be witnessed.")
    if seen is None:
        if request.old_size or request.proof:
            raise OutOfStep(0)
        return
    if request.old_size != seen.size:
        raise OutOfStep(seen.size)
    if not verifies_consistency(
        old_size=seen.size,
        old_root=seen.root,
        new_size=checkpoint.size,
        new_root=checkpoint.root,
        proof=request.proof,
    ):
        raise NotTheSameLog(seen.size, checkpoint.size)


def _read_memory(path: Path) -> dict[str, Seen]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _damaged(path) from error
    try:
        if value["v"] != MEMORY_VERSION:
            raise ValueError
        return {
            origin: Seen(int(one["size"]), bytes.fromhex(one["root"]), base64.b64decode(one["note"]))
            for origin, one in value["logs"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error


def _write_memory(path: Path, memory: Mapping[str, Seen]) -> None:
    """Replace the file in one step that survives a power cut."""
    logs = {
        origin: {"size": seen.size, "root": seen.root.hex(), "note": base64.b64encode(seen.note).decode()}
        for origin, seen in memory.items()
    }
    replace_durably(path, {"v": MEMORY_VERSION, "logs": logs})


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """One at a time, across threads and processes: two requests must never both pass against the same memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _damaged(path: Path) -> NoteMalformed:
    return NoteMalformed(
        f"The witness's memory {path.name} is damaged. Put back a copy: a witness that forgets can be shown two logs."
    )
