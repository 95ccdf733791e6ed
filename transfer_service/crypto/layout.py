"""The few pieces that every byte format is made of: fixed-width integers, UUIDs, and strings with their length."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from transfer_service.crypto.errors import MalformedBytes

HASH_LENGTH: Final = 32
_LONGEST: Final = 0xFFFF

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"


def length_prefixed(value: bytes | str) -> bytes:
    """Return LP(value): two bytes of big-endian length, then the bytes (text as UTF-8)."""
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) > _LONGEST:
        raise MalformedBytes(f"A field of a sealed format may hold at most {_LONGEST} bytes.")
    return len(raw).to_bytes(2, "big") + raw


def unsigned(value: int, width: int) -> bytes:
    """Return the number as `width` bytes, big-endian; raises MalformedBytes where it does not fit."""
    try:
        return value.to_bytes(width, "big")
    except OverflowError as error:
        raise MalformedBytes(f"The number does not fit into {width} bytes of a sealed format.") from error


def hash32(value: bytes) -> bytes:
    """Return a 32-byte hash unchanged; raises MalformedBytes for any other length."""
    if len(value) != HASH_LENGTH:
        raise MalformedBytes("A hash, key or fingerprint in a sealed format has 32 bytes.")
    return value


def canonical_json(value: Json) -> bytes:
    """Return the one ASCII encoding of a value: keys sorted, no spaces, no floating-point numbers."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise MalformedBytes("A floating-point number has no single encoding and is not sealed or signed.")
    if isinstance(value, Mapping):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            _refuse_floats(inner)


class Reader:
    """Reads a format from its start and insists that nothing is missing and nothing is left."""

    def __init__(self, encoded: bytes) -> None:
        """Begin at the first byte."""
        self._encoded = encoded
        self._at = 0

    def take(self, length: int) -> bytes:
        """Return the next bytes; raises MalformedBytes where they are missing."""
        end = self._at + length
        if end > len(self._encoded):
            raise MalformedBytes("The encoded bytes end too early.")
        taken = self._encoded[self._at : end]
        self._at = end
        return taken

    def length_prefixed(self) -> bytes:
        """Return the next LP field without its length."""
        return self.take(self.unsigned(2))

    def text(self) -> str:
        """Return the next LP field as UTF-8 text."""
        try:
            return self.length_prefixed().decode()
        except UnicodeDecodeError as error:
            raise MalformedBytes("A text field of the encoded bytes is not UTF-8.") from error

    def unsigned(self, width: int) -> int:
        """Return the next big-endian number."""
        return int.from_bytes(self.take(width), "big")

    def uuid(self) -> UUID:
        """Return the next 16 bytes as a UUID."""
        return UUID(bytes=self.take(16))

    def label(self, expected: str) -> None:
        """Read the format's name and version; raises MalformedBytes where it is another format."""
        if self.length_prefixed() != expected.encode():
            raise MalformedBytes(f"The encoded bytes are not of the format {expected}.")

    def end(self) -> None:
        """Insist that every byte was read."""
        if self._at != len(self._encoded):
            raise MalformedBytes("There are bytes left over after the end of the format.")
