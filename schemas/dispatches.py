"""What is entered about a dispatch: its contents before they are sealed, and each act of either school."""

from dataclasses import dataclass
from datetime import date

from marshmallow import fields, validate

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Line, Text, Ticked, YesNo
from transfer_service.domain.notes import (
    FILE_NAME_LIMIT,
    MESSAGE_LIMIT,
    NOTE_TEXT_LIMIT,
    WHY_SHARED_LIMIT,
    NoteCategory,
    WithheldReason,
)
from transfer_service.domain.transfer import RejectionReason


@dataclass(frozen=True, slots=True)
class Urgency:
    """The bare mark that sorts lists."""

    urgent: bool


class UrgencySchema(ValueSchema[Urgency]):
    """Marking a draft as urgent, or not."""

    makes = Urgency
    urgent = YesNo("Choose whether it is urgent")


@dataclass(frozen=True, slots=True, repr=False)
class Note:
    """A safeguarding note before it is sealed. Its representation says nothing of what it holds."""

    category: NoteCategory
    dated_on: date
    text: str
    why_shared: str


class NoteSchema(ValueSchema[Note]):
    """A note on its page, and `POST …/notes`."""

    makes = Note
    category = Choice(NoteCategory, "Choose what the note is about")
    dated_on = Day("Enter the date of the note", what="Date of the note")
    text = Text("Enter the note", what="Note", limit=NOTE_TEXT_LIMIT)
    why_shared = Text("Enter why this is shared", what="Why this is shared", limit=WHY_SHARED_LIMIT)


@dataclass(frozen=True, slots=True, repr=False)
class AttachmentDetails:
    """What is said about an attachment; it is sealed with the file."""

    file_name: str
    category: NoteCategory
    dated_on: date | None = None
    why_shared: str | None = None


class AttachmentDetailsSchema(ValueSchema[AttachmentDetails]):
    """An attachment's details, without its bytes."""

    makes = AttachmentDetails
    file_name = Line("Choose a file", what="File name", limit=FILE_NAME_LIMIT)
    category = Choice(NoteCategory, "Choose what the file is about")
    dated_on = Day("Enter the date of the file", what="Date of the file", optional=True)
    why_shared = Text("Enter why this is shared", what="Why this is shared", limit=WHY_SHARED_LIMIT, optional=True)


@dataclass(frozen=True, slots=True, repr=False)
class Withhold:
    """That something is left out, for a reason from the list; what it is stays inside a sealed item."""

    reason: WithheldReason
    description: str


class WithholdSchema(ValueSchema[Withhold]):
    """The page for leaving something out."""

    makes = Withhold
    reason = Choice(WithheldReason, "Choose why it is left out")
    description = Text("Enter what is left out", what="What is left out", limit=WHY_SHARED_LIMIT)


@dataclass(frozen=True, slots=True)
class Send:
    """That the statement beside the button was confirmed."""

    confirmed: bool


class SendSchema(ValueSchema[Send]):
    """Sending a file."""

    makes = Send
    confirmed = Ticked("Confirm that this is the whole file, except for what is listed as withheld")


class DeclareNilSchema(ValueSchema[Send]):
    """A nil declaration for one pupil."""

    makes = Send
    confirmed = Ticked("Confirm that you have checked electronic and paper records and earlier schools' files")


class ConfirmPupilSchema(ValueSchema[Send]):
    """The receiving school's confirmation on the cover sheet, before the contents open."""

    makes = Send
    confirmed = Ticked("Confirm that this pupil is joining your school")


class ConfirmFilingSchema(ValueSchema[Send]):
    """The statement that starts the time after which the sealed items are shredded."""

    makes = Send
    confirmed = Ticked("Confirm that the whole file is filed in your school's own system")


@dataclass(frozen=True, slots=True, repr=False)
class Withdraw:
    """Why a sending school takes a dispatch back; the text is sealed."""

    message: str | None = None


class WithdrawSchema(ValueSchema[Withdraw]):
    """Withdrawing what was not opened yet."""

    makes = Withdraw
    message = Text("Enter why you withdraw it", what="Why you withdraw it", limit=MESSAGE_LIMIT, optional=True)


@dataclass(frozen=True, slots=True, repr=False)
class SendBack:
    """Why a receiving school sends a dispatch back: a reason from the list, and a sealed text beside it."""

    reason: RejectionReason
    message: str | None = None


class SendBackSchema(ValueSchema[SendBack]):
    """Sending back, on its page and in the API."""

    makes = SendBack
    reason = Choice(RejectionReason, "Choose why you send it back")
    message = Text("Enter what the sending school should know", what="Message", limit=MESSAGE_LIMIT, optional=True)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A person's acknowledgement, with whether the SENCO and key staff were told."""

    statement_version: str
    confirmed: bool
    senco_told: bool
    key_staff_told: bool


class AcknowledgeSchema(ValueSchema[Acknowledge]):
    """Acknowledging a file; the version is that of the statement that the page showed."""

    makes = Acknowledge
    statement_version = Line("Reload the page and try again", what="Statement version", limit=20)
    confirmed = Ticked("Confirm that you have opened and read every item")
    senco_told = YesNo("Choose whether you have told the SENCO")
    key_staff_told = YesNo("Choose whether you have told the staff who need to know")


@dataclass(frozen=True, slots=True)
class AcknowledgeNil:
    """The references of nil declarations that are acknowledged together."""

    references: tuple[str, ...]
    confirmed: bool


class AcknowledgeNilSchema(ValueSchema[AcknowledgeNil]):
    """Acknowledging one or many nil declarations."""

    makes = AcknowledgeNil
    references = fields.List(
        fields.String(),
        required=True,
        validate=validate.Length(1, 200, error="Choose between 1 and 200 nil declarations"),
        error_messages={
            "required": "Choose at least one nil declaration",
            "null": "Choose at least one nil declaration",
            "invalid": "Choose the nil declarations from the list",
        },
        post_load=tuple,
    )
    confirmed = Ticked("Confirm that you have read the declarations")
