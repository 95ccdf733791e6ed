"""What an authority chooses when it looks at its schools: a stretch of time, an order, which schools or dispatches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

PAGE_LENGTH = 50
"""Rows of one page of a long list."""

_AUGUST = 8


class PeriodChoice(StrEnum):
    """Which moves are counted, by the day on which their file was due."""

    TWELVE_MONTHS = "12-months"
    THIS_YEAR = "this-year"
    LAST_YEAR = "last-year"
    EVERYTHING = "everything"


PERIOD_LABELS: Mapping[PeriodChoice, str] = MappingProxyType(
    {
        PeriodChoice.TWELVE_MONTHS: "The last 12 months, and what is due later",
        PeriodChoice.THIS_YEAR: "This school year",
        PeriodChoice.LAST_YEAR: "The last school year",
        PeriodChoice.EVERYTHING: "Everything",
    }
)


class SchoolOrder(StrEnum):
    """What the table of schools is sorted by."""

    OVERDUE = "overdue"
    LONGEST = "longest"
    NAME = "name"
    NIL_SHARE = "nil-share"
    MOST_SENT = "sent"


SCHOOL_ORDER_LABELS: Mapping[SchoolOrder, str] = MappingProxyType(
    {
        SchoolOrder.OVERDUE: "Most overdue first",
        SchoolOrder.LONGEST: "Longest overdue first",
        SchoolOrder.NAME: "Name",
        SchoolOrder.NIL_SHARE: "Highest share of nil declarations first",
        SchoolOrder.MOST_SENT: "Most moves first",
    }
)


class SchoolShow(StrEnum):
    """Which schools the table lists."""

    ACTIVE = "active"
    ALL = "all"
    OVERDUE = "overdue"
    NEVER_SENT = "never-sent"
    QUIET = "quiet"
    KEYS = "keys"
    ALWAYS_NIL = "always-nil"


SCHOOL_SHOW_LABELS: Mapping[SchoolShow, str] = MappingProxyType(
    {
        SchoolShow.ACTIVE: "Schools that send or are sent something",
        SchoolShow.ALL: "All schools",
        SchoolShow.OVERDUE: "Schools with something overdue",
        SchoolShow.NEVER_SENT: "Schools that never sent a file",
        SchoolShow.QUIET: "Schools with no activity",
        SchoolShow.KEYS: "Schools with too few key holders",
        SchoolShow.ALWAYS_NIL: "Schools that always declare nil",
    }
)


class DispatchShow(StrEnum):
    """Which dispatches of one school are listed."""

    OVERDUE = "overdue"
    OPEN = "open"
    ALL = "all"


DISPATCH_SHOW_LABELS: Mapping[DispatchShow, str] = MappingProxyType(
    {
        DispatchShow.OVERDUE: "Overdue",
        DispatchShow.OPEN: "Not finished",
        DispatchShow.ALL: "All",
    }
)


class ApprovalRefusal(StrEnum):
    """Why an officer does not approve a safeguarding lead."""

    NOT_KNOWN = "not_known"
    NOT_THE_LEAD = "not_the_lead"
    NOT_THE_KEY = "not_the_key"
    NOT_REACHED = "not_reached"


APPROVAL_REFUSAL_LABELS: Mapping[ApprovalRefusal, str] = MappingProxyType(
    {
        ApprovalRefusal.NOT_KNOWN: "The school does not know this person",
        ApprovalRefusal.NOT_THE_LEAD: "The person works at the school and does not lead safeguarding",
        ApprovalRefusal.NOT_THE_KEY: "The person read out other words than those shown here",
        ApprovalRefusal.NOT_REACHED: "The school could not be reached on the number that the register gives",
    }
)


class Box(StrEnum):
    """Which side of a school's exchange is listed."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both ends included; None where it has no end on that side."""

    starts_on: date | None = None
    ends_on: date | None = None


def period_of(choice: PeriodChoice, today: date) -> Period:
    """Return the days that a choice means; a school year runs from 1 September to 31 August."""
    began = date(today.year if today.month > _AUGUST else today.year - 1, 9, 1)
    match choice:
        case PeriodChoice.TWELVE_MONTHS:
            return Period(starts_on=today - timedelta(days=365))
        case PeriodChoice.THIS_YEAR:
            return Period(starts_on=began, ends_on=date(began.year + 1, 8, 31))
        case PeriodChoice.LAST_YEAR:
            return Period(starts_on=date(began.year - 1, 9, 1), ends_on=date(began.year, 8, 31))
        case PeriodChoice.EVERYTHING:
            return Period()
