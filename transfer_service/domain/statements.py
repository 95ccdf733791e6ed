"""What people state, word for word and with a version, as it is signed, stored and shown on receipts.

A published wording is never changed: a new wording gets a new version, and old versions stay so that old receipts can
still be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from transfer_service.domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class Statement:
    """One wording of a statement and its version."""

    version: str
    text: str

    def check_shown(self, version: str) -> None:
        """Raise Conflict where a person was shown another version of this statement than is in use now."""
        if version != self.version:
            raise Conflict("The wording of the statement has changed. Reload the page, read it and state it again.")


ACKNOWLEDGEMENT = Statement(
    "ack/1",
    "I am a designated safeguarding lead or deputy of the receiving school. I have opened and read every item listed "
    "in this receipt, and I take responsibility for this information at my school.",
)

NIL_ACKNOWLEDGEMENT = Statement(
    "nil-ack/1",
    "I am a designated safeguarding lead or deputy of the receiving school. I have read that the sending school "
    "declares that it holds no safeguarding information on this pupil.",
)

NIL_DECLARATION = Statement(
    "nil/1",
    "I am a designated safeguarding lead or deputy of the sending school. We hold no safeguarding information on this "
    "pupil. I have checked our electronic records, our paper records, and any file that earlier schools gave us.",
)

SEND_CONFIRMATION = Statement(
    "send/1",
    "This is the whole safeguarding file that we hold on this pupil, except for what is listed as withheld with a "
    "reason. The pupil is moving to the school named here.",
)

PUPIL_CONFIRMATION = Statement(
    "joining/1",
    "The pupil on this cover sheet is joining or has joined our school.",
)

FILING_CONFIRMATION = Statement(
    "filed/1",
    "I have exported the whole file, and it is filed in our school's own safeguarding system.",
)

FIRST_DSL_APPROVAL = Statement(
    "first-dsl/1",
    "I telephoned the school on the number that the official register of schools gives, and the school confirmed that "
    "this person is its designated safeguarding lead or deputy.",
)

STATEMENTS: Mapping[str, Statement] = MappingProxyType(
    {
        statement.version: statement
        for statement in (
            ACKNOWLEDGEMENT,
            NIL_ACKNOWLEDGEMENT,
            NIL_DECLARATION,
            SEND_CONFIRMATION,
            PUPIL_CONFIRMATION,
            FILING_CONFIRMATION,
            FIRST_DSL_APPROVAL,
        )
    }
)
