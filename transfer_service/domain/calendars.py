"""School days: an authority's terms, minus closures and bank holidays, and what to do where no term is known."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from transfer_service.domain.dates import LONDON

# The longest holiday is the summer's, some six and a half weeks; a longer gap between two known stretches of term
# means that a term in between is not known.
LONGEST_HOLIDAY_DAYS = 70

ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class ClosureKind(StrEnum):
    """Why a school is closed on a day inside a term."""

    INSET = "inset"
    SNOW = "snow"
    POLLING = "polling"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Term:
    """One stretch of school days between two holidays, both ends included.

    `begins_new_term` is false for the stretch that follows a half-term holiday.
    """

    starts_on: date
    ends_on: date
    begins_new_term: bool = True

    def __post_init__(self) -> None:
        """Refuse a term that ends before it starts."""
        if self.ends_on < self.starts_on:
            raise ValueError("A term ends before it starts. Enter an end date on or after the start date.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The days of one school: its authority's terms, its own closures, and England's bank holidays.

    `name` says which calendar it is, for the record of how a due date was found. Terms are kept in date order.
    """

    terms: tuple[Term, ...] = ()
    closures: frozenset[date] = frozenset()
    bank_holidays: frozenset[date] = frozenset()
    name: str = ""
    _sorted: tuple[Term, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the terms in order once."""
        object.__setattr__(self, "_sorted", tuple(sorted(self.terms, key=lambda term: term.starts_on)))

    def is_weekday(self, day: date) -> bool:
        """Whether the day is Monday to Friday and no bank holiday."""
        return day.weekday() < _SATURDAY and day not in self.bank_holidays

    def is_known(self, day: date) -> bool:
        """Whether the terms say if this is a school day: it lies in a known term or a holiday between two of them."""
        before: Term | None = None
        for term in self._sorted:
            if term.starts_on <= day <= term.ends_on:
                return True
            if term.starts_on > day:
                return before is not None and (term.starts_on - before.ends_on).days <= LONGEST_HOLIDAY_DAYS
            before = term
        return False

    def is_school_day(self, day: date) -> bool:
        """Whether pupils are taught on this day: a weekday inside a known term, no closure, no bank holiday."""
        return (
            self.is_weekday(day)
            and day not in self.closures
            and any(term.starts_on <= day <= term.ends_on for term in self._sorted)
        )

    def find_new_term_start(self, on_or_after: date) -> date | None:
        """Return the first school day of the first new term that starts on or after a day, or None if not known.

        A stretch after a half-term holiday is no new term. Nothing is said across a gap in which a term may be missing.
        """
        for term in self._sorted:
            if term.begins_new_term and term.starts_on >= on_or_after:
                if not (term.starts_on == on_or_after or self.is_known(on_or_after)):
                    return None
                return next((day for day in _days(term.starts_on, term.ends_on) if self.is_school_day(day)), None)
        return None


@dataclass(frozen=True, slots=True)
class Counted:
    """The day that a count of school days ends on; `known_terms` is false where weekdays were counted instead."""

    on: date
    known_terms: bool


def nth_school_day(calendar: Calendar, start: date, number: int, *, first_day_counts: bool) -> Counted:
    """Return the `number`-th school day from `start`.

    Where the count meets a weekday of which the terms say nothing, the whole count is made again in weekdays minus
    bank holidays, and says so: a date is never invented from a term that is not known.
    """
    left = number
    day = start if first_day_counts else start + ONE_DAY
    while True:
        if calendar.is_weekday(day):
            if not calendar.is_known(day):
                return Counted(
                    nth_weekday(calendar, start, number, first_day_counts=first_day_counts), known_terms=False
                )
            if calendar.is_school_day(day):
                left -= 1
                if left <= 0:
                    return Counted(day, known_terms=True)
        day += ONE_DAY


def nth_weekday(calendar: Calendar, start: date, number: int, *, first_day_counts: bool) -> date:
    """Return the `number`-th weekday from `start` that is no bank holiday and no closure of the school."""
    left = number
    day = start if first_day_counts else start + ONE_DAY
    while True:
        if calendar.is_weekday(day) and day not in calendar.closures:
            left -= 1
            if left <= 0:
                return day
        day += ONE_DAY


def school_days_between(calendar: Calendar, start: date, end: date) -> int:
    """Count the school days after `start` up to and including `end`; 0 where `end` is not after `start`.

    Weekdays of which the terms say nothing are counted as school days, so that nobody's reminder is lost.
    """
    return sum(
        1
        for day in _days(start + ONE_DAY, end)
        if calendar.is_school_day(day)
        or (calendar.is_weekday(day) and day not in calendar.closures and not calendar.is_known(day))
    )


def local_day(at: datetime) -> date:
    """Return the day in England of a moment; raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("A time without a zone cannot be placed on a day.")
    return at.astimezone(LONDON).date()


def _days(first: date, last: date) -> Iterator[date]:
    """Yield the days from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
