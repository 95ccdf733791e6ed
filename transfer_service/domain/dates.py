"""How dates and times are said to people: 3 September 2026, 14:05, as clocks in England show them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def say_date(day: date) -> str:
    """Say a date in words, such as `3 September 2026`; the same whatever language the machine is set to."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def say_time(moment: datetime) -> str:
    """Say an aware moment as it is in England, such as `3 September 2026 at 14:05`.

    Raises ValueError for a moment without a time zone, which could be an hour off for half of the year.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be said: give an aware one")
    there = moment.astimezone(LONDON)
    return f"{say_date(there)} at {there:%H:%M}"
