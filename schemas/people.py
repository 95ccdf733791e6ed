"""What people enter about each other: invitations, approvals, keys, and the organisation's addresses."""

from dataclasses import dataclass

from schemas.base import ValueSchema
from schemas.fields import Choice, Email, Name, Ticked
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import AUTHORITY_ROLES, SCHOOL_ROLES, Role


@dataclass(frozen=True, slots=True)
class InvitePerson:
    """Whom to invite, and to which role."""

    name: str
    email: str
    role: Role


class InviteToSchoolSchema(ValueSchema[InvitePerson]):
    """An invitation to a role of a school."""

    makes = InvitePerson
    name = Name("Enter the person's full name", what="Full name")
    email = Email("Enter the person's email address")
    role = Choice(Role, "Choose what the person does at the school", only=SCHOOL_ROLES)


class InviteToAuthoritySchema(ValueSchema[InvitePerson]):
    """An invitation to a role of an authority."""

    makes = InvitePerson
    name = Name("Enter the person's full name", what="Full name")
    email = Email("Enter the person's email address")
    role = Choice(Role, "Choose what the person does at the authority", only=AUTHORITY_ROLES)


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
    """How two people compared a key's eight words, and that they agreed."""

    basis: Basis
    words_agree: bool


class CompareKeySchema(ValueSchema[CompareKey]):
    """The page before a colleague is granted the school's key."""

    makes = CompareKey
    basis = Choice(
        Basis,
        "Choose how you compared the words",
        only=frozenset({Basis.TELEPHONE_CHECK, Basis.IN_PERSON_CHECK}),
    )
    words_agree = Ticked("Confirm that all eight words are the same on both screens")


@dataclass(frozen=True, slots=True)
class EndMembership:
    """Why somebody's role ends, which decides what happens to the school's key."""

    basis: Basis


class EndMembershipSchema(ValueSchema[EndMembership]):
    """The page for a leaver."""

    makes = EndMembership
    basis = Choice(
        Basis, "Choose why the role ends", only=frozenset({Basis.LEAVER, Basis.SUSPECTED_EXPOSURE, Basis.ROLE})
    )


@dataclass(frozen=True, slots=True)
class SafeguardingMailbox:
    """The shared address of a school to which alerts also go; None takes it away."""

    email: str | None = None


class SafeguardingMailboxSchema(ValueSchema[SafeguardingMailbox]):
    """The school's own page of contacts."""

    makes = SafeguardingMailbox
    email = Email("Enter the safeguarding mailbox", optional=True)
