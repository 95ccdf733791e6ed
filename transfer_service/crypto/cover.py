"""The cover: who the child is and why the file comes, as the body of a sealed item of its own.

Its content digest stands in the manifest. Whoever opens a file compares the cover with the pupil's columns: two
pupils whose rows were swapped in the database are thereby found before anything is shown.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Self

from transfer_service.crypto.errors import MalformedBytes
from transfer_service.crypto.layout import canonical_json

COVER_NAME: Final = "cover"
COVER_MEDIA_TYPE: Final = "application/json"
_DATES: Final = frozenset({"date_of_birth", "leaving_on", "starts_on", "destination_confirmed_on"})
_VERSION: Final = 1
_UNREADABLE: Final = "The cover of the file is not written in a form that this version reads."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The pupil, the dates and the kind of move, exactly as the sending school's columns held them when it sent."""

    forename: str
    surname: str
    date_of_birth: date
    upn: str | None
    kind: str
    leaving_on: date
    starts_on: date | None = None
    destination_confirmed_on: date | None = None

    def encode(self) -> bytes:
        """Return the canonical body of the cover's item."""
        values: dict[str, str | int | None] = {"v": _VERSION}
        for name, value in asdict(self).items():
            values[name] = value.isoformat() if isinstance(value, date) else value
        return canonical_json(values)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a cover; raises MalformedBytes where it is not exactly what `encode` writes."""
        try:
            values = json.loads(body)
            version = values.pop("v")
            dated: dict[str, Any] = {
                name: date.fromisoformat(value) if name in _DATES and value is not None else value
                for name, value in values.items()
            }
            cover = cls(**dated)
        except (ValueError, TypeError, KeyError, AttributeError):
            # Not chained: the cause would quote the cover.
            raise MalformedBytes(_UNREADABLE) from None
        if version != _VERSION or not cover._is_complete() or cover.encode() != body:
            raise MalformedBytes(_UNREADABLE)
        return cover

    def _is_complete(self) -> bool:
        texts = (self.forename, self.surname, self.kind)
        dates = (self.date_of_birth, self.leaving_on)
        return all(isinstance(text, str) for text in texts) and all(isinstance(day, date) for day in dates)

    def __repr__(self) -> str:
        """Show nothing: a cover names a child."""
        return "Cover(redacted)"
