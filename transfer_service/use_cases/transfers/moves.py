"""The days of a pupil's move, and whether they can be right for this pupil."""

from dataclasses import dataclass
from datetime import date

from transfer_service.domain.calendars import local_day
from transfer_service.domain.move_dates import check_pupil_and_dates
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.pupils import Pupil


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDates:
    """The days of a move. `destination_confirmed_on` is the day of recording where nobody says otherwise."""

    leaving_on: date
    starts_on: date | None = None
    destination_confirmed_on: date | None = None


def check_move(at: Installation, pupil: Pupil, dates: MoveDates) -> None:
    """Raise Invalid, by field, where the birth date and the days of the move cannot be right together."""
    check_pupil_and_dates(
        date_of_birth=pupil.date_of_birth,
        leaving_on=dates.leaving_on,
        starts_on=dates.starts_on,
        destination_confirmed_on=dates.destination_confirmed_on,
        today=local_day(at.now()),
    )
