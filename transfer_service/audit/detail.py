"""What is said beside a leaf, in words: the sentences that a receipt prints, kept apart so that they can be erased."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transfer_service.audit.errors import LeafMalformed, LeafRefused
from transfer_service.audit.leaf import SALT_LENGTH

VERSION = 1
LIMIT = 32_768
"""Bytes of one detail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """Plain sentences for people, and named facts for programs. This may hold personal data: it is never logged."""

    sentences: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Tell how much there is, not what."""
        return f"Detail({len(self.sentences)} sentences, {len(self.facts)} facts)"


def tell(*sentences: str, **facts: str) -> dict[str, Any]:
    """Return a detail as the use cases give it to the log: sentences for people, and named facts for programs."""
    return {"v": VERSION, "sentences": list(sentences), "facts": facts}


def encode_detail(sentences: Sequence[str], facts: Mapping[str, str] | None = None) -> bytes:
    """Write a detail as JSON with sorted keys; raises LeafRefused above 32,768 bytes or without a sentence."""
    if not sentences or not all(sentence.strip() for sentence in sentences):
        raise LeafRefused("A detail needs at least one sentence.")
    detail = json.dumps(
        tell(*sentences, **(facts or {})), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    ).encode()
    if len(detail) > LIMIT:
        raise LeafRefused("A detail has at most 32,768 bytes. Shorten what is said beside the act.")
    return detail


def decode_detail(detail: bytes) -> Detail:
    """Read a detail; raises LeafMalformed where it is not one."""
    try:
        value = json.loads(detail)
        if value["v"] != VERSION or not all(isinstance(sentence, str) for sentence in value["sentences"]):
            raise ValueError("not a detail of this version")
        return Detail(sentences=tuple(value["sentences"]), facts=dict(value["facts"]))
    except (ValueError, TypeError, KeyError) as error:
        raise LeafMalformed("What stands beside the leaf is not in the form that this version reads.") from error


def join_salt(salt: bytes, detail: bytes) -> bytes:
    """Join the salt and the detail into what is sealed as one."""
    return salt + detail


def split_salt(opened: bytes) -> tuple[bytes, bytes]:
    """Take the salt and the detail apart again; raises LeafMalformed where there is no whole salt."""
    if len(opened) < SALT_LENGTH:
        raise LeafMalformed("What stands beside the leaf is too short to hold its salt.")
    return opened[:SALT_LENGTH], opened[SALT_LENGTH:]
