"""Which dates of a pupil's move can be right."""

from datetime import date, timedelta

from transfer_service.domain.errors import Invalid

# Nursery to the sixth form, with a year's grace at either end.
YOUNGEST = 2
OLDEST = 20

_A_YEAR = timedelta(days=366)


def check_pupil_and_dates(
    *,
    date_of_birth: date,
    leaving_on: date,
    starts_on: date | None,
    destination_confirmed_on: date | None,
    today: date,
) -> None:
    """Raise Invalid, by field, where the dates of a move cannot be right.

    A move may be recorded up to a year ahead or long after it, since what was never sent must still be found.
    """
    problems: dict[str, list[str]] = {}
    if date_of_birth >= today:
        problems["date_of_birth"] = ["Date of birth must be in the past"]
    elif not YOUNGEST <= _age(date_of_birth, leaving_on) <= OLDEST:
        problems["date_of_birth"] = ["Check the date of birth and the leaving date: they do not fit a school’s pupil"]
    if leaving_on > today + _A_YEAR:
        problems["leaving_on"] = ["Leaving date must be within a year from today"]
    if starts_on is not None and abs(starts_on - leaving_on) > _A_YEAR:
        problems["starts_on"] = ["First day at the new school must be within a year of the leaving date"]
    if destination_confirmed_on is not None and destination_confirmed_on > today:
        problems["destination_confirmed_on"] = ["Day the new school became known must not be in the future"]
    if problems:
        raise Invalid(problems)


def _age(born_on: date, day: date) -> int:
    """Return completed years of age on a day."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))
