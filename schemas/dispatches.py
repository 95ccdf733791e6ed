"""What is entered about a dispatch: its contents before they are sealed, and each act of either school."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Line, Several, Text, Ticked, YesNo
from transfer_service.domain.notes import (
    MESSAGE_LIMIT,
    NOTE_TEXT_LIMIT,
    WHY_SHARED_LIMIT,
    NoteCategory,
    WhyShared,
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
    why_shared: tuple[WhyShared, ...]
    why_shared_words: str = ""


class WhySharedField(Several):
    """Why a note is shared: reasons from the list, or in the API one sentence in the sender's own words."""

    def __init__(self) -> None:
        """Ask for at least one reason."""
        super().__init__(WhyShared, "Choose why this is shared")
        self.own_words = Text(self.missing_sentence, what="Why this is shared", limit=WHY_SHARED_LIMIT)

    def read(self, value: Any) -> tuple[tuple[WhyShared, ...], str | None]:
        """Return the reasons, and the words where a sentence was sent."""
        if not isinstance(value, str):
            return super().read(value), ""
        if value in set(WhyShared):
            return (WhyShared(value),), ""
        return (WhyShared.OTHER,), self.own_words.read(value)


class NoteSchema(ValueSchema[Note]):
    """A note on its page, and `POST …/notes`."""

    makes = Note
    category = Choice(NoteCategory, "Choose what the note is about")
    dated_on = Day("Enter the date of the note", what="Date of the note")
    text = Text("Enter the note", what="Note", limit=NOTE_TEXT_LIMIT)
    why_shared = WhySharedField()
    why_shared_words = Text(
        "Enter why this is shared", what="Why this is shared", limit=WHY_SHARED_LIMIT, optional=True
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Note:
        """Bring the words together, and ask for them where the only reason is another one."""
        reasons, words = data.pop("why_shared")
        words = "\n".join(part for part in (words, data.pop("why_shared_words")) if part)
        if reasons == (WhyShared.OTHER,) and not words:
            raise ValidationError({"why_shared_words": ["Enter why this is shared"]})
        return Note(**data, why_shared=reasons, why_shared_words=words)


@dataclass(frozen=True, slots=True, repr=False)
class Withhold:
    """That something is left out, for a reason from the list; the words that say what it is are sealed."""

    reason: WithheldReason
    words: str


class WithholdSchema(ValueSchema[Withhold]):
    """The page for leaving something out."""

    makes = Withhold
    reason = Choice(WithheldReason, "Choose why it is left out")
    words = Text("Enter what is left out", what="What is left out", limit=MESSAGE_LIMIT)


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
class SendBack:
    """Why a receiving school sends a dispatch back: a reason from the list, and a sealed text beside it."""

    reason: RejectionReason
    words: str | None = None


class SendBackSchema(ValueSchema[SendBack]):
    """Sending back, on its page and in the API."""

    makes = SendBack
    reason = Choice(RejectionReason, "Choose why you send it back")
    words = Text("Enter what the sending school should know", what="Message", limit=MESSAGE_LIMIT, optional=True)


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
    statement_version: str
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
    statement_version = Line("Reload the page and try again", what="Statement version", limit=20)
    confirmed = Ticked("Confirm that you have read the declarations")
