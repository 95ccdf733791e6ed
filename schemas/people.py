"""What people enter about each other: invitations, approvals, keys."""

from dataclasses import dataclass

from schemas.base import ValueSchema
from schemas.fields import Choice, Email, Name, Ticked, Words
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import INSTALLATION_ROLES, SCHOOL_ROLES, Role


@dataclass(frozen=True, slots=True)
class InvitePerson:
    """Whom to invite, and to which role."""

    email: str
    role: Role


class InviteToSchoolSchema(ValueSchema[InvitePerson]):
    """An invitation to a role of a school."""

    makes = InvitePerson
    email = Email("Enter the person’s email address")
    role = Choice(Role, "Choose what the person does at the school", only=SCHOOL_ROLES)


@dataclass(frozen=True, slots=True)
class ApproveFirstDsl:
    """An officer's statement of having telephoned the school, and with whom."""

    spoke_with: str
    telephoned: bool


class ApproveFirstDslSchema(ValueSchema[ApproveFirstDsl]):
    """The approval of a school's first designated safeguarding lead."""

    makes = ApproveFirstDsl
    spoke_with = Name("Enter the name of the person you spoke with", what="Name")
    telephoned = Ticked("Confirm that you telephoned the school on the number that the register gives")


@dataclass(frozen=True, slots=True)
class CompareKey:
    """How two people compared a key's eight words, that they agreed, and which words were on the screen."""

    basis: Basis
    words_agree: bool
    words: tuple[str, ...]


class CompareKeySchema(ValueSchema[CompareKey]):
    """The page before a colleague is granted the school's key."""

    makes = CompareKey
    basis = Choice(
        Basis,
        "Choose how you compared the words",
        only=frozenset({Basis.TELEPHONE_CHECK, Basis.IN_PERSON_CHECK}),
    )
    words_agree = Ticked("Confirm that all eight words are the same on both screens")
    words = Words("Reload the page with the words, and compare them again")


@dataclass(frozen=True, slots=True)
class LetBeginAgain:
    """How somebody made sure that it is the colleague who lost everything and asks to begin again."""

    basis: Basis
    has_spoken: bool


class LetBeginAgainSchema(ValueSchema[LetBeginAgain]):
    """The page before somebody's access is ended and offered anew to the same address."""

    makes = LetBeginAgain
    basis = Choice(
        Basis,
        "Choose how you spoke with the person",
        only=frozenset({Basis.TELEPHONE_CHECK, Basis.IN_PERSON_CHECK}),
    )
    has_spoken = Ticked("Confirm that you spoke with the person and are sure who it was")


class InviteToInstallationSchema(ValueSchema[InvitePerson]):
    """An invitation to administer the service."""

    makes = InvitePerson
    email = Email("Enter the person’s email address")
    role = Choice(Role, "Choose what the person does", only=INSTALLATION_ROLES)
