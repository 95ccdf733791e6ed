"""What a receipt proves and what it does not, in plain words, by what its entry says happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a true receipt of one kind shows, and what nobody may read into it."""

    heading: str
    proves: tuple[str, ...]
    proves_not: tuple[str, ...]


_SENT: Final = Meaning(
    "A safeguarding file was sent",
    (
        "The sending school sent a sealed file through this service at the time shown.",
        "What was sent is fixed: its list of contents cannot be exchanged for another one later.",
    ),
    (
        "It does not prove that anybody opened or read the file.",
        "It does not say what was in it, or whether it was complete.",
    ),
)
_NIL_TAKEN: Final = Meaning(
    "A nil declaration was acknowledged",
    ("The receiving school took note that the sending school declared to hold no safeguarding information.",),
    ("It does not prove that there was nothing to declare.",),
)
MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "dispatch.sent": _SENT,
        "dispatch.redirected": _SENT,
        "dispatch.waiting": Meaning(
            "A safeguarding file was made ready and waits",
            ("The sending school sealed the file and sent it as far as it could at the time shown.",),
            (
                "It does not prove that the file reached the receiving school, which had no key yet.",
                "It does not prove that anybody opened or read the file.",
            ),
        ),
        "nil.declared": Meaning(
            "A nil declaration was made",
            ("The sending school declared, for one pupil, that it holds no safeguarding information.",),
            ("It does not prove that the declaration is right.", "It does not prove that anybody has seen it."),
        ),
        "dispatch.opened": Meaning(
            "A safeguarding file was opened",
            (
                "A safeguarding lead of the receiving school confirmed that the pupil is joining.",
                "That person opened the file at the time shown.",
            ),
            (
                "It does not prove that everything in it could be read. The receipt for acknowledging does.",
                "It does not prove that anybody acted on it.",
            ),
        ),
        "dispatch.acknowledged": Meaning(
            "A safeguarding file was acknowledged",
            (
                "At the time shown a safeguarding lead of the receiving school stated that every item was opened.",
                "Where the receipt holds the school’s signature, the statement was signed with that school’s key.",
            ),
            (
                "It does not prove that the file was complete when it was sent.",
                "It does not prove what the receiving school did with it.",
            ),
        ),
        "nil.acknowledged": _NIL_TAKEN,
        "dispatch.rejected": Meaning(
            "A file was sent back",
            (
                "The receiving school sent it back at the time shown.",
                "From then on the sending school was responsible for it again.",
            ),
            ("It does not prove by itself whether the contents were opened before: ask for the receipts before it.",),
        ),
        "dispatch.shredded": Meaning(
            "The sealed contents were shredded",
            ("The service deleted its copy of the sealed contents at the time shown, and the keys to it.",),
            (
                "It does not prove that no other copy exists: the receiving school had filed its own.",
                "It does not prove that backups were overwritten on that day.",
            ),
        ),
    }
)
OTHER: Final = Meaning(
    "An entry of the log",
    ("Something of the kind shown below was recorded at the time shown, and has not been changed since.",),
    ("It does not prove anything beyond the words below.",),
)


def meaning_of(event: str) -> Meaning:
    """Return what a receipt of an event means."""
    return MEANINGS.get(event, OTHER)
