"""What is entered on a pupil's way from one school to the next, on pages and in the API alike."""

from dataclasses import dataclass, field
from datetime import date

from marshmallow import fields, validate

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Line, Name, Number, YesNo
from schemas.identifiers import Upn, Urn
from transfer_service.domain.transfer import Status, TransferKind


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
    forename = Name("Enter the pupil's forename", what="Forename")
    surname = Name("Enter the pupil's surname", what="Surname")
    date_of_birth = Day("Enter the pupil's date of birth", what="Date of birth")
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
    leaving_on = Day("Enter the pupil's leaving date", what="Leaving date")
    starts_on = Day("Enter the first day at the new school", what="First day at the new school", optional=True)
    destination_confirmed_on = Day(
        "Enter the day on which the new school became known", what="Day the new school became known", optional=True
    )


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A whole new transfer, as the API takes it in one call."""

    pupil: Pupil
    receiving_school: str
    kind: TransferKind
    leaving_on: date
    starts_on: date | None = None
    destination_confirmed_on: date | None = None
    urgent: bool = False

    @property
    def move(self) -> Move:
        """The kind and days alone."""
        return Move(self.kind, self.leaving_on, self.starts_on, self.destination_confirmed_on)


class NewTransferSchema(ValueSchema[NewTransfer]):
    """`POST /transfers`."""

    makes = NewTransfer
    pupil = fields.Nested(
        PupilSchema,
        required=True,
        error_messages={"required": "Send the pupil", "null": "Send the pupil"},
    )
    receiving_school = Urn("Send the URN of the receiving school")
    kind = Choice(TransferKind, "Send the kind: in_year, phase or other")
    leaving_on = Day("Send the pupil's leaving date", what="Leaving date")
    starts_on = Day("Send the first day at the new school", what="First day at the new school", optional=True)
    destination_confirmed_on = Day(
        "Send the day on which the new school became known", what="Day the new school became known", optional=True
    )
    urgent = YesNo("Send whether it is urgent", optional=True, load_default=False, allow_none=False)


@dataclass(frozen=True, slots=True)
class AskForFile:
    """A receiving school's request: whom it admitted, from which school, and when."""

    pupil: Pupil
    sending_school: str
    starts_on: date
    kind: TransferKind = field(default=TransferKind.IN_YEAR)


class AskForFileSchema(ValueSchema[AskForFile]):
    """`POST /requests`."""

    makes = AskForFile
    pupil = fields.Nested(
        PupilSchema,
        required=True,
        error_messages={"required": "Send the pupil", "null": "Send the pupil"},
    )
    sending_school = Urn("Choose the school that the pupil came from")
    starts_on = Day("Enter the pupil's first day at your school", what="First day")
    kind = Choice(TransferKind, "Choose what kind of move it is")


@dataclass(frozen=True, slots=True)
class ListTransfers:
    """Which transfers to list: one box, optionally one status, since a day, one page at a time."""

    box: str
    status: Status | None = None
    since: date | None = None
    after: str | None = None
    limit: int = 50


class ListTransfersSchema(ValueSchema[ListTransfers]):
    """`GET /transfers`, and the filters of the inbox; `after` is the opaque `next` of the page before."""

    makes = ListTransfers
    box = fields.String(
        load_default="in",
        validate=validate.OneOf(("in", "out"), error="Choose the box: in or out"),
        error_messages={"invalid": "Choose the box: in or out", "null": "Choose the box: in or out"},
    )
    status = Choice(Status, "Choose a status from the list", optional=True)
    since = Day("Enter a day", what="Since", optional=True)
    after = Line("Send the `next` of the page before", what="Page", limit=200, optional=True)
    limit = Number("Choose how many to list", least=1, most=50, default=50)
