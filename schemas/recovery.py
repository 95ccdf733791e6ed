"""What is entered about recovery custodians and requests for their help."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from marshmallow import ValidationError

from schemas.base import ValueSchema
from schemas.fields import Choice, Line, Name, Number, Plain, Ticked
from transfer_service.domain.custodians import SHARES


class KeeperOf(StrEnum):
    """What a custodian is to the authority and the service."""

    NEITHER = "neither"
    AUTHORITY = "authority"
    HEAD_OF_SERVICE = "head_of_service"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class RecordCustodian:
    """Who keeps a share."""

    share: int
    name: str
    employer: str
    works_as: KeeperOf


class RecordCustodianSchema(ValueSchema[RecordCustodian]):
    """A custodian of the recovery key."""

    makes = RecordCustodian
    share = Number("Enter the number of the share, from 1 to 5", least=1, most=SHARES)
    name = Name("Enter the custodian’s name", what="Name")
    employer = Line("Enter where the custodian works", what="Employer", limit=100)
    works_as = Choice(KeeperOf, "Choose what the custodian is to the authority and to this service")


class Id(Plain):
    """The id of one of the choices of a page."""

    def read(self, value: object) -> UUID:
        """Refuse what is none."""
        try:
            return UUID(str(value))
        except ValueError:
            raise ValidationError(self.missing_sentence) from None


@dataclass(frozen=True, slots=True)
class AskRecovery:
    """For whom the custodians' help is asked, after the alternatives were looked at."""

    membership: UUID
    understood: bool


class AskRecoverySchema(ValueSchema[AskRecovery]):
    """A request for the custodians' help."""

    makes = AskRecovery
    membership = Id("Choose the safeguarding lead who is to open the school’s files")
    understood = Ticked("Confirm that you know who is told")


@dataclass(frozen=True, slots=True)
class ApproveRecovery:
    """An officer's statement of having spoken with the school and compared the words."""

    telephoned: bool


class ApproveRecoverySchema(ValueSchema[ApproveRecovery]):
    """The approval of a recovery."""

    makes = ApproveRecovery
    telephoned = Ticked("Confirm that you telephoned the school and that the eight words were the same")
