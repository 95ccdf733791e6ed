"""What the inputs of the forms ask, in words: to show again what somebody typed before they signed in anew.

A form that came too late is kept as names and values of inputs, which nobody should have to read. Here a name becomes
the question that its page asks, a choice the words that stood beside it, and the three inputs of a date one date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from transfer_service.domain.breaches import BREACH_STEP_LABELS
from transfer_service.domain.dates import say_date
from transfer_service.domain.deadlines import CLOCK_START_LABELS, CLOCK_UNIT_LABELS
from transfer_service.domain.notes import NOTE_CATEGORY_LABELS, WHY_SHARED_LABELS, WITHHELD_REASON_LABELS
from transfer_service.domain.oversight import APPROVAL_REFUSAL_LABELS
from transfer_service.domain.roles import ROLE_LABELS
from transfer_service.domain.transfer import REJECTION_REASON_LABELS, TRANSFER_KIND_LABELS
from transfer_service.web.account.school_keys import BASES
from transfer_service.web.authority.holds import HOLD_BASES
from transfer_service.web.authority.recovery import KEEPERS
from transfer_service.web.authority.schools import NAME_BASES
from transfer_service.web.authority.upkeep import CALENDARS
from transfer_service.web.school.beginning import UPN_DECISIONS
from transfer_service.web.school.calendar import KIND_LABELS


@dataclass(frozen=True, slots=True)
class Question:
    """What an input asks; `choices` are the words of each value that can be chosen, none where text is typed."""

    words: str
    choices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Typed:
    """One question, and what was answered: several answers where several can be ticked."""

    question: str
    answers: tuple[str, ...]


def _text(words: str) -> Question:
    return Question(words)


def _choice(words: str, *tables: Iterable[tuple[str, str]]) -> Question:
    return Question(words, MappingProxyType({str(value): said for table in tables for value, said in table}))


def _yes_no(words: str) -> Question:
    return _choice(words, (("yes", "Yes"), ("no", "No")))


QUESTIONS: Final[Mapping[str, Question]] = MappingProxyType(
    {
        "forename": _text("Forename"),
        "surname": _text("Surname"),
        "date_of_birth": _text("Date of birth"),
        "upn": _text("UPN"),
        "upn_confirmed": _yes_no("The UPN is right"),
        "decision": _choice("What you want to do about the UPN", UPN_DECISIONS),
        "kind": _choice("What kind of move it is", TRANSFER_KIND_LABELS.items()),
        "leaving_on": _text("Leaving date"),
        "starts_on": _text("First day"),
        "ends_on": _text("Last day"),
        "destination_confirmed_on": _text("New school known since"),
        "receiving_school": _text("Receiving school, by its URN"),
        "successor": _text("The school that it became, by its URN"),
        "urgent": _yes_no("Urgent"),
        "held": _choice(
            "Whether your school holds safeguarding information on the pupil",
            (("file", "Yes, or I am not sure"), ("nil", "No, we hold nothing")),
        ),
        "category": _choice("What the note is about", NOTE_CATEGORY_LABELS.items()),
        "dated_on": _text("Date of the note"),
        "text": _text("Note"),
        "why_shared": _choice("Why it is shared", WHY_SHARED_LABELS.items()),
        "why_shared_words": _text("Why it is shared, in your own words"),
        "words": _text("In words"),
        "reason": _choice(
            "Why", REJECTION_REASON_LABELS.items(), WITHHELD_REASON_LABELS.items(), APPROVAL_REFUSAL_LABELS.items()
        ),
        "references": _text("Nil declarations"),
        "confirmed": _yes_no("You confirmed what the page stated"),
        "senco_told": _yes_no("You have told the SENCO what they need to know"),
        "key_staff_told": _yes_no("You have told the staff who need to know"),
        "steps": _choice("What is done", BREACH_STEP_LABELS.items()),
        "closed_on": _text("Day"),
        "day": _text("Day"),
        "begins_new_term": _choice(
            "What begins on the first day", (("yes", "A new term"), ("no", "The second half of a term"))
        ),
        "length": _text("How many days"),
        "unit": _choice("What is counted", CLOCK_UNIT_LABELS.items()),
        "start": _choice("When the clock starts", CLOCK_START_LABELS.items()),
        "first_day_counts": _yes_no("That first day counts"),
        "calendar": _choice("Whose calendar is used", CALENDARS),
        "name": _text("Name"),
        "email": _text("Email address"),
        "role": _choice("Role", ROLE_LABELS.items()),
        "place": _text("Where you act"),
        "basis": _choice("Why, or how", HOLD_BASES.items(), NAME_BASES.items(), BASES),
        "words_agree": _yes_no("All eight words are the same on both screens"),
        "spoke_with": _text("Whom you spoke with"),
        "telephoned": _yes_no("You telephoned the school"),
        "has_spoken": _yes_no("You spoke with them and are sure who it was"),
        "understood": _yes_no("You know who is told"),
        "share": _text("Number of the share"),
        "employer": _text("Where the custodian works"),
        "works_as": _choice("The custodian", KEEPERS),
        "school": _text("School, by its URN"),
        "event": _text("What happened"),
        "reference": _text("Transfer"),
        "from_on": _text("From"),
        "to_on": _text("To"),
    }
)
"""By the name of the input."""

UNSAID: Final = frozenset({"statement_version", "seen", "revision", "membership"})
"""What a page sends by itself: versions and ids, which say nothing to a person."""

_WHY_CLOSED: Final = _choice("Why it is closed", KIND_LABELS.items())
_PARTS: Final = ("day", "month", "year")
_DAYS_SENT_WHOLE: Final = frozenset({"closed_on", "day"})
"""By a button that stands beside a day, as 2026-09-03."""


def tell_typed(fields: Sequence[tuple[str, str]]) -> list[Typed]:
    """Say what was typed into a form, in the order of its inputs; what was left empty is left out."""
    names = {name for name, _ in fields}
    dates = {name.removesuffix("-year") for name in names if name.endswith("-year")}
    given: dict[str, list[str]] = {}
    for name, value in fields:
        asked, _, part = name.rpartition("-")
        given.setdefault(asked if part in _PARTS and asked in dates else name, []).append(value)
    told = []
    for name, values in given.items():
        question = _question(name, closing="closed_on" in dates)
        said = [_say_date(values)] if name in dates else [_say(name, question, value) for value in values]
        answers = tuple(one for one in said if one.strip())
        if answers and name not in UNSAID:
            told.append(Typed(question.words, answers))
    return told


def _question(name: str, *, closing: bool) -> Question:
    """What an input asks. Moves and closed days are both of a kind: beside a closed day it is why it is closed."""
    if name == "kind" and closing:
        return _WHY_CLOSED
    return QUESTIONS.get(name) or Question(name.replace("_", " ").capitalize())


def _say(name: str, question: Question, value: str) -> str:
    if name in _DAYS_SENT_WHOLE:
        return _say_date(value.split("-")[::-1])
    return question.choices.get(value, value)


def _say_date(parts: Sequence[str]) -> str:
    """The date of three inputs; what is none is shown as it was typed."""
    try:
        day, month, year = (int(part) for part in parts)
        return say_date(date(year, month, day))
    except ValueError:
        return " ".join(parts)
