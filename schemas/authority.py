"""What is entered about calendars and oversight."""

from dataclasses import dataclass
from datetime import date

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, YesNo
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.events import HOLDING_BASES, NAME_SHOWING_BASES, Basis


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


class ShowPupilNameSchema(ValueSchema[ShowPupilName]):
    """The page before a name is shown to the authority."""

    makes = ShowPupilName
    basis = Choice(Basis, "Choose why you need to see the name", only=NAME_SHOWING_BASES)


@dataclass(frozen=True, slots=True)
class SetHold:
    """Why an authority keeps the contents of a transfer from being shredded."""

    basis: Basis


class SetHoldSchema(ValueSchema[SetHold]):
    """The form of a legal hold."""

    makes = SetHold
    basis = Choice(Basis, "Choose why the contents must be kept", only=HOLDING_BASES)
