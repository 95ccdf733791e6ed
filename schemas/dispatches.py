"""What is entered about a dispatch: what is left out, sending back, acknowledging."""

from dataclasses import dataclass

from schemas.base import ValueSchema
from schemas.fields import Choice, Line, Text, Ticked, YesNo
from transfer_service.domain.notes import MESSAGE_LIMIT, WithheldReason
from transfer_service.domain.transfer import RejectionReason


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
