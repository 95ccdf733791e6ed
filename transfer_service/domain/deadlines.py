"""The two clocks: by when the sending school sends, by when the receiving school acknowledges, and how it went.

Source: KCSIE, the DSL's annex: within 5 days for an in-year move, or within the first 5 days of a new term. "5 days"
is not defined there, so unit, start, length and calendar are settings of the authority and are stored with each
dispatch as they were applied.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from transfer_service.domain.calendars import Calendar, nth_school_day, nth_weekday
from transfer_service.domain.transfer import TransferKind


class ClockUnit(StrEnum):
    """What is counted."""

    SCHOOL_DAYS = "school_days"
    CALENDAR_DAYS = "calendar_days"
    WEEKDAYS = "weekdays"


class ClockStart(StrEnum):
    """The day that a clock starts from."""

    LATER_OF_LEAVING_AND_DESTINATION = "later_of_leaving_and_destination"
    LEAVING = "leaving"
    DESTINATION_CONFIRMED = "destination_confirmed"
    STARTS_ON = "starts_on"
    TERM_START = "term_start"
    SENT = "sent"


class CalendarOf(StrEnum):
    """Whose calendar is counted by."""

    SENDING_SCHOOL = "sending_school"
    RECEIVING_SCHOOL = "receiving_school"


class Band(StrEnum):
    """How a step went against its clock, as of a day."""

    ON_TIME = "on_time"
    LATE = "late"
    NOT_DUE = "not_due"
    OVERDUE = "overdue"
    NEVER = "never"


CLOCK_UNIT_LABELS: Mapping[ClockUnit, str] = MappingProxyType(
    {
        ClockUnit.SCHOOL_DAYS: "school days",
        ClockUnit.CALENDAR_DAYS: "calendar days",
        ClockUnit.WEEKDAYS: "weekdays without bank holidays",
    }
)

CLOCK_START_LABELS: Mapping[ClockStart, str] = MappingProxyType(
    {
        ClockStart.LATER_OF_LEAVING_AND_DESTINATION: "the later of leaving and the new school being known",
        ClockStart.LEAVING: "the day of leaving",
        ClockStart.DESTINATION_CONFIRMED: "the day on which the new school became known",
        ClockStart.STARTS_ON: "the first day at the new school",
        ClockStart.TERM_START: "the first day of the new term",
        ClockStart.SENT: "the day of sending",
    }
)

BAND_LABELS: Mapping[Band, str] = MappingProxyType(
    {
        Band.ON_TIME: "On time",
        Band.LATE: "Late",
        Band.NOT_DUE: "Not due yet",
        Band.OVERDUE: "Overdue",
        Band.NEVER: "Never",
    }
)

# Calendar days after the due date from which "overdue" is called "never": four weeks of silence.
NEVER_AFTER_DAYS = 28

# docs/exchange.md, "Alerts and escalation": school days after which the receiving school is reminded.
REMIND_UNOPENED_AFTER = 1
REMIND_UNACKNOWLEDGED_AFTER = 3

LONGEST_CLOCK = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRule:
    """How a due date is counted: so many units from a start day, by one school's calendar."""

    unit: ClockUnit
    start: ClockStart
    length: int
    first_day_counts: bool
    calendar: CalendarOf

    def __post_init__(self) -> None:
        """Refuse a length that no authority can mean."""
        if not 1 <= self.length <= LONGEST_CLOCK:
            raise ValueError(f"A clock runs for 1 to {LONGEST_CLOCK} days. Enter a number in that range.")

    def to_mapping(self) -> dict[str, Any]:
        """Return the rule as plain JSON values."""
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in asdict(self).items()}

    @classmethod
    def from_mapping(cls, stored: Mapping[str, Any]) -> "ClockRule":
        """Read a rule that `to_mapping` wrote; raises ValueError or KeyError for anything else."""
        return cls(
            unit=ClockUnit(stored["unit"]),
            start=ClockStart(stored["start"]),
            length=int(stored["length"]),
            first_day_counts=bool(stored["first_day_counts"]),
            calendar=CalendarOf(stored["calendar"]),
        )


_IN_YEAR = ClockRule(
    unit=ClockUnit.SCHOOL_DAYS,
    start=ClockStart.LATER_OF_LEAVING_AND_DESTINATION,
    length=5,
    first_day_counts=False,
    calendar=CalendarOf.SENDING_SCHOOL,
)

DEFAULT_RULES: Mapping[TransferKind, ClockRule] = MappingProxyType(
    {
        TransferKind.IN_YEAR: _IN_YEAR,
        TransferKind.PHASE: ClockRule(
            unit=ClockUnit.SCHOOL_DAYS,
            start=ClockStart.STARTS_ON,
            length=5,
            first_day_counts=True,
            calendar=CalendarOf.RECEIVING_SCHOOL,
        ),
        TransferKind.OTHER: _IN_YEAR,
    }
)

# Councils chase a receipt that was not confirmed in five days (North Northamptonshire, Norfolk).
DEFAULT_RECEIVER_RULE = ClockRule(
    unit=ClockUnit.SCHOOL_DAYS,
    start=ClockStart.SENT,
    length=5,
    first_day_counts=False,
    calendar=CalendarOf.RECEIVING_SCHOOL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockBasis:
    """How a due date was found, stored with the dispatch so that a later change of settings rewrites no history.

    `started_on` is the day counted from; `start` the rule's start as applied. `known_terms` is false where school days
    were meant but weekdays minus bank holidays were counted because no term date was known.
    """

    unit: ClockUnit
    start: ClockStart
    length: int
    first_day_counts: bool
    calendar: CalendarOf
    calendar_name: str
    started_on: date | None
    known_terms: bool

    def to_mapping(self) -> dict[str, Any]:
        """Return the basis as plain JSON values; dates as ISO text."""
        return {
            key: value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, StrEnum) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A due date and its basis; `on` is None while the day that the clock starts from is not known."""

    on: date | None
    basis: ClockBasis

    @property
    def known_terms(self) -> bool:
        """Whether the count could rely on term dates (always so where school days are not the unit)."""
        return self.basis.known_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDates:
    """The days of one transfer or dispatch that a clock may start from."""

    leaving_on: date | None = None
    destination_confirmed_on: date | None = None
    starts_on: date | None = None
    sent_on: date | None = None


def due_on(rule: ClockRule, calendar: Calendar, dates: ClockDates) -> Due:
    """Return by when the step is due, and on what basis.

    `calendar` is the calendar of the school that `rule.calendar` names. A phase move whose first day is not known is
    counted from the new term that the calendar gives after the leaving date.
    """
    start, started_on = _find_start(rule, calendar, dates)
    on: date | None = None
    known_terms = True
    if started_on is not None:
        if rule.unit is ClockUnit.CALENDAR_DAYS:
            on = started_on + timedelta(days=rule.length - rule.first_day_counts)
        elif rule.unit is ClockUnit.WEEKDAYS:
            on = nth_weekday(calendar, started_on, rule.length, first_day_counts=rule.first_day_counts)
        else:
            counted = nth_school_day(calendar, started_on, rule.length, first_day_counts=rule.first_day_counts)
            on, known_terms = counted.on, counted.known_terms
    basis = ClockBasis(
        unit=rule.unit,
        start=start,
        length=rule.length,
        first_day_counts=rule.first_day_counts,
        calendar=rule.calendar,
        calendar_name=calendar.name,
        started_on=started_on,
        known_terms=known_terms,
    )
    return Due(on=on, basis=basis)


def _find_start(rule: ClockRule, calendar: Calendar, dates: ClockDates) -> tuple[ClockStart, date | None]:
    """Return the start as applied and its day, None where it is not known yet."""
    match rule.start:
        case ClockStart.LEAVING:
            return rule.start, dates.leaving_on
        case ClockStart.DESTINATION_CONFIRMED:
            return rule.start, dates.destination_confirmed_on
        case ClockStart.SENT:
            return rule.start, dates.sent_on
        case ClockStart.LATER_OF_LEAVING_AND_DESTINATION:
            if dates.leaving_on is None or dates.destination_confirmed_on is None:
                return rule.start, None
            return rule.start, max(dates.leaving_on, dates.destination_confirmed_on)
        case ClockStart.STARTS_ON if dates.starts_on is not None:
            return rule.start, dates.starts_on
        case _:
            after = dates.starts_on or dates.leaving_on
            return ClockStart.TERM_START, after and calendar.find_new_term_start(after)


def band(due: date | None, done_on: date | None, today: date) -> Band:
    """Judge one step against its due date: done on time or late; not done and not due, overdue, or never.

    Without a due date nothing can be late.
    """
    if done_on is not None:
        return Band.LATE if due is not None and done_on > due else Band.ON_TIME
    if due is None or today <= due:
        return Band.NOT_DUE
    return Band.NEVER if (today - due).days > NEVER_AFTER_DAYS else Band.OVERDUE


def days_late(due: date | None, done_on: date | None, today: date) -> int:
    """Return the calendar days by which a step is or was late, 0 if it is not."""
    if due is None:
        return 0
    return max(0, ((done_on or today) - due).days)
