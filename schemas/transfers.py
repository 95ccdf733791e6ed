"""What is entered on a pupil's way from one school to the next."""

from dataclasses import dataclass
from datetime import date

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Name, YesNo
from schemas.identifiers import Upn, Urn
from transfer_service.domain.transfer import TransferKind


@dataclass(frozen=True, slots=True, repr=False)
class Pupil:
    """Who moves. Its representation says nothing of the child."""

    forename: str
    surname: str
    date_of_birth: date
    upn: str | None = None
    upn_confirmed: bool = False


class PupilSchema(ValueSchema[Pupil]):
    """The first step of a new transfer; `upn_confirmed` keeps a UPN in spite of a warning."""

    makes = Pupil
    forename = Name("Enter the pupil’s forename", what="Forename")
    surname = Name("Enter the pupil’s surname", what="Surname")
    date_of_birth = Day("Enter the pupil’s date of birth", what="Date of birth")
    upn = Upn()
    upn_confirmed = YesNo("Choose whether the UPN is right", optional=True, load_default=False, allow_none=False)


@dataclass(frozen=True, slots=True)
class ReceivingSchool:
    """The school that the pupil goes to, by URN."""

    receiving_school: str


class ReceivingSchoolSchema(ValueSchema[ReceivingSchool]):
    """The second step of a new transfer, and a redirect."""

    makes = ReceivingSchool
    receiving_school = Urn("Choose the school that the pupil is moving to")


@dataclass(frozen=True, slots=True)
class Move:
    """What kind of move it is, and its days. Without `destination_confirmed_on` the day of entering counts."""

    kind: TransferKind
    leaving_on: date
    starts_on: date | None = None
    destination_confirmed_on: date | None = None


class MoveSchema(ValueSchema[Move]):
    """The third step of a new transfer."""

    makes = Move
    kind = Choice(TransferKind, "Choose what kind of move it is")
    leaving_on = Day("Enter the pupil’s leaving date", what="Leaving date")
    starts_on = Day("Enter the first day at the new school", what="First day at the new school", optional=True)
    destination_confirmed_on = Day(
        "Enter the day on which the new school became known", what="Day the new school became known", optional=True
    )
