"""Transparency log proofs: a leaf's place in the log with a checkpoint over it, as one text file.

Source: https://c2sp.org/tlog-proof. The first lines name the format, the extra data and the index; then one hash a
line, an empty line, and the checkpoint as it was signed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from transfer_service.audit.checkpoint import SignedCheckpoint, decode_base64, parse_checkpoint, parse_number
from transfer_service.audit.errors import NoteMalformed
from transfer_service.audit.tree import HASH_LENGTH

HEADER: Final = "c2sp.org/tlog-proof@v1"
HASHES_LIMIT: Final = 64
"""No path in a tree of 64-bit size is longer."""
PROOF_LIMIT: Final = 1_048_576
"""Bytes of a whole proof that are read at all."""


@dataclass(frozen=True, slots=True)
class LogProof:
    """A parsed proof. Nothing in it is to be believed before it is verified; the extra data never by itself."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def signed(self) -> SignedCheckpoint:
        """Return the checkpoint's parts; raises NoteMalformed."""
        return parse_checkpoint(self.note)


def write_proof(*, index: int, hashes: Sequence[bytes], note: bytes, extra: bytes | None = None) -> bytes:
    """Write a proof as the bytes of a `.tlog-proof` file."""
    lines = [HEADER]
    if extra is not None:
        lines.append(f"extra {base64.b64encode(extra).decode()}")
    lines.append(f"index {index}")
    lines += [base64.b64encode(digest).decode() for digest in hashes]
    return ("\n".join(lines) + "\n\n").encode() + note


def parse_proof(data: bytes) -> LogProof:
    """Read a `.tlog-proof` file; raises NoteMalformed at any departure from the format."""
    if len(data) > PROOF_LIMIT:
        raise NoteMalformed("The proof is longer than any receipt.")
    head, gap, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise NoteMalformed("The first lines of a proof are ASCII.") from error
    if not gap or lines.pop(0) != HEADER:
        raise NoteMalformed("The file is not a transparency log proof of the version that is read here.")
    extra = decode_base64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise NoteMalformed("The proof does not say which leaf it is about.")
    index = parse_number(lines.pop(0).removeprefix("index "))
    if len(lines) > HASHES_LIMIT:
        raise NoteMalformed("The proof has more hashes than any tree is deep.")
    hashes = tuple(decode_base64(line) for line in lines)
    if any(len(digest) != HASH_LENGTH for digest in hashes):
        raise NoteMalformed("A hash in the proof has not 32 bytes.")
    parse_checkpoint(note)
    return LogProof(index=index, hashes=hashes, note=note, extra=extra)
