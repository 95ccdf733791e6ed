"""What is entered about calendars, clocks and oversight."""

from dataclasses import dataclass
from datetime import date

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Line, Number, YesNo
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.deadlines import LONGEST_CLOCK, CalendarOf, ClockRule, ClockStart, ClockUnit
from transfer_service.domain.events import NAME_SHOWING_BASES, Basis
from transfer_service.domain.transfer import TransferKind


@dataclass(frozen=True, slots=True)
class EditTerm:
    """One stretch of school days; whether its end follows its start is a rule of the calendar."""

    starts_on: date
    ends_on: date
    begins_new_term: bool


class EditTermSchema(ValueSchema[EditTerm]):
    """A stretch of an authority's terms."""

    makes = EditTerm
    starts_on = Day("Enter the first day", what="First day")
    ends_on = Day("Enter the last day", what="Last day")
    begins_new_term = YesNo("Choose whether a new term begins, or the second half of one")


@dataclass(frozen=True, slots=True)
class EditClosure:
    """A day on which a school is closed inside a term."""

    closed_on: date
    kind: ClosureKind


class EditClosureSchema(ValueSchema[EditClosure]):
    """An INSET day or closure of a school."""

    makes = EditClosure
    closed_on = Day("Enter the day on which the school is closed", what="Day")
    kind = Choice(ClosureKind, "Choose why the school is closed")


@dataclass(frozen=True, slots=True)
class ShowPupilName:
    """Why an authority wants to see a pupil's name; the look is recorded with this reason."""

    basis: Basis
    case_reference: str | None = None


class ShowPupilNameSchema(ValueSchema[ShowPupilName]):
    """The page before a name is shown to the authority."""

    makes = ShowPupilName
    basis = Choice(Basis, "Choose why you need to see the name", only=NAME_SHOWING_BASES)
    case_reference = Line("Enter a case reference", what="Case reference", limit=60, optional=True)


@dataclass(frozen=True, slots=True)
class EditClock:
    """The clock of one kind of move, as an authority sets it for dispatches to come."""

    kind: TransferKind
    unit: ClockUnit
    start: ClockStart
    length: int
    first_day_counts: bool
    calendar: CalendarOf

    @property
    def rule(self) -> ClockRule:
        """The rule without the kind it is for."""
        return ClockRule(
            unit=self.unit,
            start=self.start,
            length=self.length,
            first_day_counts=self.first_day_counts,
            calendar=self.calendar,
        )


class EditClockSchema(ValueSchema[EditClock]):
    """The authority's settings of the sender's clock."""

    makes = EditClock
    kind = Choice(TransferKind, "Choose which kind of move the clock is for")
    unit = Choice(ClockUnit, "Choose what is counted")
    start = Choice(ClockStart, "Choose when the clock starts", only=frozenset(ClockStart) - {ClockStart.SENT})
    length = Number("Enter the number of days", least=1, most=LONGEST_CLOCK)
    first_day_counts = YesNo("Choose whether the first day counts")
    calendar = Choice(CalendarOf, "Choose whose calendar is used")
