"""The words for the states and kinds of keys and sealed items; the bytes are the business of `crypto`."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

RENEWAL_NOTICE: Final = timedelta(days=31)
"""How long before it is due a school hears that its key has to be renewed."""
_SUMMER: Final = frozenset({7, 8, 9})
"""Months in which key holders leave and files arrive: a renewal that would fall into them is due before."""


def renewal_due_on(made_on: date) -> date:
    """Return by when a school renews a key: after a year, and before July where that would be July to September."""
    later = made_on.replace(year=made_on.year + 1, day=min(made_on.day, 28))
    return date(later.year, 6, 30) if later.month in _SUMMER else later


class KeyState(StrEnum):
    """The life of a school epoch, a person key or a recovery key."""

    ACTIVE = "active"
    RETIRED = "retired"
    DESTROYED = "destroyed"


class UnlockKind(StrEnum):
    """What a person key is wrapped under."""

    PASSWORD = "password"  # noqa: S105 -- the name of a kind
    RECOVERY_CODE = "recovery_code"


class GranteeKind(StrEnum):
    """To whom a school epoch's seed is sealed."""

    PERSON = "person"
    RECOVERY = "recovery"


class ItemKind(StrEnum):
    """What a sealed item holds; titles, categories and file names are inside it."""

    COVER = "cover"
    NOTE = "note"
    ATTACHMENT = "attachment"
    REMARK = "remark"
    """Free text beside an act, such as why a file was sent back."""
