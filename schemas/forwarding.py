"""What is posted when a school hands a file that it received to the pupil's next school."""

from dataclasses import dataclass
from datetime import date

from schemas.base import ValueSchema
from schemas.fields import Choice, Day
from schemas.identifiers import Urn
from transfer_service.domain.transfer import TransferKind


@dataclass(frozen=True, slots=True)
class Forward:
    """To which school, and how and when the pupil moves on."""

    receiving_school: str
    kind: TransferKind
    leaving_on: date
    starts_on: date | None = None
    destination_confirmed_on: date | None = None


class ForwardSchema(ValueSchema[Forward]):
    """The page that forwards a file."""

    makes = Forward
    receiving_school = Urn("Choose the school that the pupil is moving to")
    kind = Choice(TransferKind, "Choose what kind of move it is")
    leaving_on = Day("Enter the pupil’s leaving date", what="Leaving date")
    starts_on = Day("Enter the first day at the new school", what="First day at the new school", optional=True)
    destination_confirmed_on = Day(
        "Enter the day on which the new school became known", what="Day the new school became known", optional=True
    )
