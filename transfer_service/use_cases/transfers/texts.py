"""What the texts that are sealed say, and how they are written as bytes: notes and remarks."""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from transfer_service.crypto.layout import canonical_json
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.notes import NoteCategory, WhyShared, WithheldReason

NOTE_NAME = "note"
REMARK_NAME = "remark"
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A safeguarding note as it is sealed. `written_by` is filled in from whoever seals it."""

    category: NoteCategory
    dated_on: date
    text: str = field(repr=False)
    why_shared: tuple[WhyShared, ...]
    why_shared_words: str = field(default="", repr=False)
    written_by: str = field(default="", repr=False)

    def encode(self) -> bytes:
        """Return the body of the note's item."""
        return canonical_json(
            {
                "v": 1,
                "category": self.category.value,
                "dated_on": self.dated_on.isoformat(),
                "text": self.text,
                "why_shared": [reason.value for reason in self.why_shared],
                "why_shared_words": self.why_shared_words,
                "written_by": self.written_by,
            }
        )

    @classmethod
    def decode(cls, body: bytes) -> "Note":
        """Read the body of a note's item; raises CannotOpen(UNKNOWN_FORMAT)."""
        values = _read(body)
        try:
            return cls(
                category=NoteCategory(values["category"]),
                dated_on=date.fromisoformat(values["dated_on"]),
                text=values["text"],
                why_shared=tuple(WhyShared(reason) for reason in values["why_shared"]),
                why_shared_words=values["why_shared_words"],
                written_by=values["written_by"],
            )
        except (KeyError, ValueError, TypeError):
            raise CannotOpen(OpeningFailure.UNKNOWN_FORMAT) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Free text beside an act: what was withheld (with its `reason`), or why a dispatch was sent back."""

    reason: str
    words: str = field(repr=False)

    def encode(self) -> bytes:
        """Return the body of the remark's item."""
        return canonical_json({"v": 1, "reason": self.reason, "words": self.words})

    @classmethod
    def decode(cls, body: bytes) -> "Remark":
        """Read the body of a remark's item; raises CannotOpen(UNKNOWN_FORMAT)."""
        values = _read(body)
        try:
            return cls(reason=str(values["reason"]), words=str(values["words"]))
        except KeyError:
            raise CannotOpen(OpeningFailure.UNKNOWN_FORMAT) from None


@dataclass(frozen=True, slots=True)
class Withheld:
    """One thing that was left out of the file, why, and what it is in the sender's own words."""

    reason: WithheldReason
    words: str = field(repr=False)


def _read(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError:
        raise CannotOpen(OpeningFailure.UNKNOWN_FORMAT) from None
    if not isinstance(values, dict) or values.get("v") != 1:
        raise CannotOpen(OpeningFailure.UNKNOWN_FORMAT)
    return values
