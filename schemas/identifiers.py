"""The fields for a school's URN, a pupil's UPN and a transfer's reference."""

from marshmallow import ValidationError

from schemas.fields import Line
from transfer_service.domain.identifiers import UPN_PROBLEM_SENTENCES, judge_upn, parse_urn
from transfer_service.domain.references import parse_reference


class Urn(Line):
    """A school's URN."""

    def __init__(self, missing: str = "Choose a school", *, optional: bool = False) -> None:
        """Take another sentence where a school of a certain part is chosen."""
        super().__init__(missing, what="URN", limit=20, optional=optional)

    def judge(self, text: str) -> str:
        """Refuse what is not six digits."""
        urn = parse_urn(text)
        if urn is None:
            raise ValidationError("A school’s URN has 6 numbers. Search for the school by name, town or URN")
        return urn


class Upn(Line):
    """A pupil's UPN, tidied. A wrong check letter or unknown authority passes: that is for a person to decide."""

    def __init__(self) -> None:
        """Ask for a UPN that may be left out."""
        super().__init__("Enter a UPN", what="UPN", limit=40, optional=True)

    def judge(self, text: str) -> str:
        """Refuse what has not the shape of a UPN."""
        verdict = judge_upn(text)
        if verdict.problems:
            raise ValidationError([UPN_PROBLEM_SENTENCES[problem] for problem in verdict.problems])
        return verdict.text


class Reference(Line):
    """A transfer's reference, written properly."""

    def __init__(self, *, optional: bool = False) -> None:
        """Ask for a reference."""
        super().__init__("Enter a transfer’s reference", what="Reference", limit=20, optional=optional)

    def judge(self, text: str) -> str:
        """Refuse what is none: the check character finds a mistyped one."""
        reference = parse_reference(text)
        if reference is None:
            raise ValidationError("Enter a reference like PT-7F3K-92Q4. Check each letter and number")
        return reference
