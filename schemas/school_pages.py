"""What is entered on the pages of a school, one thing at a time."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Line, Name, Number, Several, Text, Ticked, YesNo
from schemas.identifiers import Reference, Upn
from transfer_service.domain.breaches import BreachStep
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.notes import NOTE_TEXT_LIMIT, WHY_SHARED_LIMIT, NoteCategory, WhyShared

_VERSION = "Reload the page, read the statement and try again"


@dataclass(frozen=True, slots=True, repr=False)
class PupilEntered:
    """Who moves, as entered first. Its representation says nothing of the child."""

    forename: str
    surname: str
    date_of_birth: date
    upn: str | None = None


class PupilEnteredSchema(ValueSchema[PupilEntered]):
    """The first page of a new transfer."""

    makes = PupilEntered
    forename = Name("Enter the pupil’s forename", what="Forename")
    surname = Name("Enter the pupil’s surname", what="Surname")
    date_of_birth = Day("Enter the pupil’s date of birth", what="Date of birth")
    upn = Upn()


class UpnDecision(StrEnum):
    """What somebody decides about a UPN that looks wrong."""

    CORRECT = "correct"
    CONFIRM = "confirm"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, repr=False)
class UpnDecided:
    """The decision, and the UPN typed anew where it was to be corrected."""

    decision: UpnDecision
    upn: str | None = None


class UpnDecidedSchema(ValueSchema[UpnDecided]):
    """The page that warns of a UPN."""

    makes = UpnDecided
    decision = Choice(UpnDecision, "Choose whether to correct the UPN, keep it or leave it out")
    upn = Upn()


class FileOrNil(StrEnum):
    """What the sending school has to say about a pupil."""

    FILE = "file"
    NIL = "nil"


@dataclass(frozen=True, slots=True)
class WhatIsHeld:
    """Whether a file is prepared or a nil declaration made."""

    held: FileOrNil


class WhatIsHeldSchema(ValueSchema[WhatIsHeld]):
    """The page that asks it."""

    makes = WhatIsHeld
    held = Choice(FileOrNil, "Choose whether your school holds safeguarding information on this pupil")


@dataclass(frozen=True, slots=True, repr=False)
class NoteEntered:
    """A note as typed. `revision` is that of the note that is edited, 0 for a new one."""

    category: NoteCategory
    dated_on: date
    text: str
    why_shared: tuple[WhyShared, ...]
    why_shared_words: str | None = None
    revision: int = 0


class NoteEnteredSchema(ValueSchema[NoteEntered]):
    """The page of a note."""

    makes = NoteEntered
    category = Choice(NoteCategory, "Choose what the note is about")
    dated_on = Day("Enter the date of the note", what="Date of the note")
    text = Text("Enter the note", what="Note", limit=NOTE_TEXT_LIMIT)
    why_shared = Several(WhyShared, "Choose why this is shared")
    why_shared_words = Text(
        "Enter why this is shared", what="Why this is shared", limit=WHY_SHARED_LIMIT, optional=True
    )
    revision = Number("Reload the page and edit the note again", least=0, most=1_000_000, default=0)

    @validates_schema(skip_on_field_errors=True)
    def _ask_for_words(self, data: dict[str, Any], **_: Any) -> None:
        """Ask for words where the only reason is another one."""
        if data["why_shared"] == (WhyShared.OTHER,) and not data.get("why_shared_words"):
            raise ValidationError({"why_shared_words": ["Enter why this is shared"]})


@dataclass(frozen=True, slots=True)
class Stated:
    """That a statement was confirmed, and which wording the page showed."""

    statement_version: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class StatedOfDraft:
    """The same for a draft: `seen` says which answers and contents the page showed, None where it did not say."""

    statement_version: str
    confirmed: bool
    seen: str | None = None


class OpenSchema(ValueSchema[Stated]):
    """The confirmation on the cover sheet."""

    makes = Stated
    statement_version = Line(_VERSION, what="Statement version", limit=20)
    confirmed = Ticked("Confirm that this pupil is joining or has joined your school")


class SendFileSchema(ValueSchema[StatedOfDraft]):
    """The confirmation on the page that checks the answers."""

    makes = StatedOfDraft
    seen = Line(_VERSION, what="What was shown", limit=64, optional=True)
    statement_version = Line(_VERSION, what="Statement version", limit=20)
    confirmed = Ticked("Confirm that this is the whole file, except for what is listed as left out")


class NilSchema(ValueSchema[StatedOfDraft]):
    """The statement of a nil declaration."""

    makes = StatedOfDraft
    seen = Line(_VERSION, what="What was shown", limit=64, optional=True)
    statement_version = Line(_VERSION, what="Statement version", limit=20)
    confirmed = Ticked("Confirm that you have checked electronic and paper records and earlier schools’ files")


class FiledSchema(ValueSchema[Stated]):
    """The statement that the file is in the school's own system."""

    makes = Stated
    statement_version = Line(_VERSION, what="Statement version", limit=20)
    confirmed = Ticked("Confirm that the whole file is filed in your school’s own system")


@dataclass(frozen=True, slots=True)
class NilsRead:
    """The references of the nil declarations that were read and are acknowledged together."""

    statement_version: str
    confirmed: bool
    references: tuple[str, ...] = ()


class NilsReadSchema(ValueSchema[NilsRead]):
    """The page of nil declarations, with a checkbox for each."""

    makes = NilsRead
    statement_version = Line(_VERSION, what="Statement version", limit=20)
    references = fields.List(
        fields.String(),
        required=True,
        validate=validate.Length(min=1, max=50, error="Choose at least one nil declaration"),
        error_messages={"required": "Choose at least one nil declaration", "invalid": "Choose from the list"},
        post_load=tuple,
    )
    confirmed = Ticked("Confirm that you have read the declarations")


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day on which the school is closed."""

    closed_on: date
    kind: ClosureKind


class ClosedDaySchema(ValueSchema[ClosedDay]):
    """Adding a day to the school's calendar."""

    makes = ClosedDay
    closed_on = Day("Enter the day on which your school is closed", what="The day")
    kind = Choice(ClosureKind, "Choose why your school is closed")


@dataclass(frozen=True, slots=True)
class DayTaken:
    """The day to take out of the school's calendar again."""

    closed_on: date


class DayTakenSchema(ValueSchema[DayTaken]):
    """Removing a day from the school's calendar; ISO text from a hidden input."""

    makes = DayTaken
    closed_on = Day("Choose the day to remove", what="The day")


@dataclass(frozen=True, slots=True)
class MarkedUrgent:
    """Whether the receiving school sees it first in its list."""

    urgent: bool


class MarkedUrgentSchema(ValueSchema[MarkedUrgent]):
    """The page of the urgent mark."""

    makes = MarkedUrgent
    urgent = YesNo("Choose whether it is urgent")


@dataclass(frozen=True, slots=True)
class BreachSteps:
    """The steps that are done."""

    steps: tuple[BreachStep, ...]


class BreachStepsSchema(ValueSchema[BreachSteps]):
    """The checklist of a breach record."""

    makes = BreachSteps
    steps = Several(BreachStep, "Tick off at least one step")


@dataclass(frozen=True, slots=True)
class FindTransfer:
    """The reference that somebody was told by telephone."""

    reference: str


class FindTransferSchema(ValueSchema[FindTransfer]):
    """The search for a transfer by its reference."""

    makes = FindTransfer
    reference = Reference()
