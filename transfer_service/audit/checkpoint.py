"""Checkpoints: the size and root of the log under a signature, in the public formats of C2SP.

Sources: https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from transfer_service.audit.errors import NoteMalformed, NoteNotTrusted
from transfer_service.audit.tree import HASH_LENGTH, SIZE_LIMIT
from transfer_service.crypto.signing import ED25519_NOTE, LogSigningKey, VerifierKey, is_key_name

NOTE_LIMIT: Final = 65_536
"""Bytes of one note; the format lets a reader set a limit."""
SIGNATURES_LIMIT: Final = 100

_SIGNATURE_START: Final = "— "
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed: whose log, how many leaves, their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return the note's text: the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the signer's name, the first bytes of its key's hash, and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> bytes:
        """Return the line as it stands in a note."""
        return f"{_SIGNATURE_START}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A parsed note. Nothing in it is to be believed before `verify_checkpoint`."""

    checkpoint: Checkpoint
    text: bytes
    signatures: tuple[NoteSignature, ...]


def write_checkpoint(checkpoint: Checkpoint, key: LogSigningKey) -> bytes:
    """Sign a checkpoint and return the note; the key's name must be the log's origin."""
    if key.name != checkpoint.origin:
        raise NoteMalformed("The log's key has another name than the log's origin. Use the key of this log.")
    text = checkpoint.text()
    signature = NoteSignature(key.name, key.key_id, key.sign(text))
    return text + b"\n" + signature.line()


def add_signatures(note: bytes, signatures: Iterable[NoteSignature]) -> bytes:
    """Return the note with more signature lines at its end, such as the cosignatures of witnesses."""
    return note + b"".join(signature.line() for signature in signatures)


def own_lines(note: bytes) -> bytes:
    """Return the note with the log's own lines alone, as its signer stored it: without what witnesses added."""
    signed = parse_checkpoint(note)
    own = [one for one in signed.signatures if one.name == signed.checkpoint.origin]
    return add_signatures(signed.text + b"\n", own)


def parse_checkpoint(note: bytes) -> SignedCheckpoint:
    """Read a signed note that holds a checkpoint; raises NoteMalformed at any departure from the two formats."""
    text, signatures = parse_note(note)
    lines = text.decode().split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise NoteMalformed("A checkpoint has at least three lines, none of them empty.")
    root = decode_base64(lines[2])
    if len(root) != HASH_LENGTH:
        raise NoteMalformed("The root of a checkpoint has 32 bytes.")
    return SignedCheckpoint(Checkpoint(lines[0], parse_number(lines[1]), root), text, signatures)


def verify_checkpoint(note: bytes, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Return the checkpoint in a note that one of the log's keys signed.

    Signatures of unknown keys are passed over, as the format asks; a wrong one of a known key condemns the note.
    Raises NoteMalformed and NoteNotTrusted.
    """
    signed = parse_checkpoint(note)
    known = {(key.name, key.key_id): key for key in keys if key.algorithm == ED25519_NOTE}
    is_signed = False
    for signature in signed.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(signature.signature, signed.text):
            raise NoteNotTrusted("The checkpoint names the log's key and its signature is wrong: it was altered.")
        is_signed = is_signed or key.name == signed.checkpoint.origin
    if not is_signed:
        raise NoteNotTrusted("The checkpoint is not signed by a key of this log.")
    return signed.checkpoint


def parse_note(note: bytes) -> tuple[bytes, tuple[NoteSignature, ...]]:
    """Take a signed note apart into its text, with the last newline, and its signatures."""
    if len(note) > NOTE_LIMIT:
        raise NoteMalformed("The note is longer than 65,536 bytes.")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteMalformed("The note is not UTF-8.") from error
    if any(letter < " " and letter != "\n" for letter in whole):
        raise NoteMalformed("The note holds a control character.")
    text, gap, tail = whole.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteMalformed("The note has no signature lines after an empty line, or does not end with a line's end.")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_LIMIT:
        raise NoteMalformed("The note has more than 100 signatures.")
    return (text + "\n").encode(), tuple(_parse_signature(line) for line in lines)


def parse_number(text: str) -> int:
    """Read an unsigned 64-bit number without leading zeros."""
    if not _DECIMAL.fullmatch(text) or int(text) >= SIZE_LIMIT:
        raise NoteMalformed("A size or index is a decimal number below 2**64 without leading zeros.")
    return int(text)


def decode_base64(text: str) -> bytes:
    """Read standard base64 in its one padded form."""
    try:
        value = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NoteMalformed("A line is not base64.") from error
    if base64.b64encode(value).decode() != text:
        raise NoteMalformed("A line is base64, but not in its one padded form.")
    return value


def _parse_signature(line: str) -> NoteSignature:
    parts = line.removeprefix(_SIGNATURE_START).split(" ")
    if not line.startswith(_SIGNATURE_START) or len(parts) != 2 or not is_key_name(parts[0]):
        raise NoteMalformed("A signature line is a dash, a key's name and base64, with single spaces.")
    value = decode_base64(parts[1])
    if len(value) < 5:
        raise NoteMalformed("A signature is too short to name its key.")
    return NoteSignature(parts[0], value[:4], value[4:])
