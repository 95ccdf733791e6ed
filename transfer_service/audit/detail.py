"""What is said beside a leaf, in words: the sentences that a receipt prints, kept apart so that they can be erased."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from transfer_service.audit.errors import LeafMalformed, LeafRefused
from transfer_service.audit.leaf import SALT_LENGTH

VERSION: Final = 1
LIMIT: Final = 131_072
"""Bytes of one detail: twice the longest checkpoint of an older log, which a successor's first leaf tells."""


def tell(*sentences: str, **facts: str) -> dict[str, Any]:
    """Return a detail as the use cases give it to the log: sentences for people, and named facts for programs."""
    return {"v": VERSION, "sentences": list(sentences), "facts": facts}


def encode_detail(detail: Mapping[str, Any]) -> bytes:
    """Write a detail as JSON with sorted keys; raises LeafRefused above 131,072 bytes."""
    written = json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    if len(written) > LIMIT:
        raise LeafRefused("What is to be said beside an entry of the log is too long. Shorten it, and try again.")
    return written


def decode_detail(written: bytes) -> Mapping[str, Any]:
    """Read a detail; raises LeafMalformed where it is not one."""
    try:
        value = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise LeafMalformed("What stands beside the leaf is not in the form that this version reads.") from error
    if not isinstance(value, dict):
        raise LeafMalformed("What stands beside the leaf is not in the form that this version reads.")
    return value


def join_salt(salt: bytes, detail: bytes) -> bytes:
    """Join the salt and the detail into what is sealed as one."""
    return salt + detail


def split_salt(opened: bytes) -> tuple[bytes, bytes]:
    """Take the salt and the detail apart again; raises LeafMalformed where there is no whole salt."""
    if len(opened) < SALT_LENGTH:
        raise LeafMalformed("What stands beside the leaf is too short to hold its salt.")
    return opened[:SALT_LENGTH], opened[SALT_LENGTH:]
