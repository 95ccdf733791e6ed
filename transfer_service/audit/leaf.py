"""One leaf of the log: which fields it has, and the one way to write them as bytes.

The bytes are JSON in ASCII with sorted keys, no spaces, no floats and no nulls, at most 65,535 of them. They are
hashed and stored as they are and never written again from their values.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from transfer_service.audit.errors import LeafMalformed, LeafRefused

VERSION: Final = 1
LIMIT: Final = 65_535
SALT_LENGTH: Final = 32
NUMBER_LIMIT: Final = 2**63

_COMMIT_LABEL: Final = b"ptx/detail/1"
_AT_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_HEX_32: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LeafFields:
    """What a leaf says, without its place and time. No field can hold free text, so that none holds a name.

    `event` is a word of the log's vocabulary and `basis` of its closed list; `subject` is the UUID acted on; `key` a
    fingerprint in hex; `digest` the SHA-256 of the manifest, of the signed acknowledgement, of one item's contents or
    of the statement that it was encrypted again; `request` the request's id. `erases` stands only in a leaf that says
    that the detail of that index was erased.
    """

    event: str
    actor: UUID | None = None
    role: str | None = None
    org: UUID | None = None
    on_behalf: UUID | None = None
    subject: UUID | None = None
    transfer: UUID | None = None
    dispatch: UUID | None = None
    item: UUID | None = None
    epoch: int | None = None
    key: str | None = None
    basis: str | None = None
    digest: bytes | None = None
    request: str | None = None
    erases: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """A leaf as it stands in the log; `commit` is the commitment to its detail."""

    idx: int
    at: datetime
    said: LeafFields
    commit: bytes | None


def commit_to(detail: bytes, salt: bytes) -> bytes:
    """Return the commitment to a detail: SHA-256 of a label, the 32-byte salt and the detail."""
    if len(salt) != SALT_LENGTH:
        raise LeafRefused("A detail's salt has 32 random bytes. Give one with every detail.")
    return hashlib.sha256(_COMMIT_LABEL + salt + detail).digest()


def encode_leaf(leaf: Leaf) -> bytes:
    """Write a leaf as its bytes; raises LeafRefused where a value is not of its shape."""
    if _write_number(leaf.idx) is None:
        raise LeafRefused("The index of a leaf is a whole number from 0.")
    values: dict[str, Any] = {"v": VERSION, "idx": leaf.idx, "at": _write_at(leaf.at)}
    for name, (_, write) in _SHAPES.items():
        value = leaf.commit if name == "commit" else getattr(leaf.said, name)
        if value is None:
            continue
        written = write(value)
        if written is None:
            raise LeafRefused(f"The field {name} of a leaf is not of its shape. Free text belongs into the detail.")
        values[name] = written
    body = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    if len(body) > LIMIT:
        raise LeafRefused("A leaf has at most 65,535 bytes. Put what is long into the detail.")
    return body


def decode_leaf(body: bytes) -> Leaf:
    """Read the bytes of a leaf; raises LeafMalformed unless they are exactly what this module would write."""
    try:
        values = json.loads(body.decode("ascii"))
        leaf = _read(values)
        written = encode_leaf(leaf)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, LeafRefused) as error:
        raise LeafMalformed("The bytes are not a leaf of this log.") from error
    if written != body:
        raise LeafMalformed("The bytes are a leaf, but not written in the log's one form.")
    return leaf


def decode_readable(bodies: Iterable[bytes]) -> Iterator[Leaf]:
    """Read one leaf after another, and pass over what is none: `audit verify` names it, and no page breaks on it."""
    for body in bodies:
        with suppress(LeafMalformed):
            yield decode_leaf(body)


def _read(values: Mapping[str, Any]) -> Leaf:
    if values["v"] != VERSION or not set(values) <= {"v", "idx", "at", *_SHAPES}:
        raise ValueError("a version or field that this module does not know")
    read = {name: read(values[name]) for name, (read, _) in _SHAPES.items() if name in values}
    commit = read.pop("commit", None)
    at = datetime.strptime(values["at"], _AT_FORMAT).replace(tzinfo=UTC)
    return Leaf(idx=_number(values["idx"]), at=at, said=LeafFields(**read), commit=commit)


def _number(value: int) -> int:
    if type(value) is not int:
        raise ValueError("not a whole number")
    return value


def _write_at(at: datetime) -> str:
    if at.tzinfo is None:
        raise LeafRefused("The time of a leaf needs its zone.")
    return at.astimezone(UTC).strftime(_AT_FORMAT)


def _write_uuid(value: Any) -> str | None:
    return str(value) if isinstance(value, UUID) else None


def _write_word(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and _WORD.fullmatch(value) else None


def _write_fingerprint(value: Any) -> str | None:
    return value if isinstance(value, str) and _HEX_32.fullmatch(value) else None


def _write_digest(value: Any) -> str | None:
    return value.hex() if isinstance(value, bytes) and len(value) == 32 else None


def _write_number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < NUMBER_LIMIT else None


_Shape = tuple[Callable[[Any], Any], Callable[[Any], str | int | None]]

_UUID: Final[_Shape] = (UUID, _write_uuid)
_TEXT: Final[_Shape] = (str, _write_word)
_DIGEST: Final[_Shape] = (bytes.fromhex, _write_digest)
_COUNT: Final[_Shape] = (_number, _write_number)

# How each field is read and written.
_SHAPES: Final[Mapping[str, _Shape]] = {
    "event": _TEXT,
    "actor": _UUID,
    "role": _TEXT,
    "org": _UUID,
    "on_behalf": _UUID,
    "subject": _UUID,
    "transfer": _UUID,
    "dispatch": _UUID,
    "item": _UUID,
    "epoch": _COUNT,
    "key": (str, _write_fingerprint),
    "basis": _TEXT,
    "digest": _DIGEST,
    "commit": _DIGEST,
    "request": _TEXT,
    "erases": _COUNT,
}
