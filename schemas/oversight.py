"""What an authority asks of its pages: filters of the compliance and audit pages, decisions, invitations by school."""

import re
from dataclasses import dataclass
from datetime import date

from marshmallow import ValidationError

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Email, Line, Ticked
from schemas.identifiers import Urn
from transfer_service.domain.events import Event
from transfer_service.domain.oversight import Box, DispatchShow, PeriodChoice, SchoolOrder, SchoolShow
from transfer_service.domain.references import parse_reference
from transfer_service.domain.roles import AUTHORITY_ROLES, KEY_HOLDING_ROLES, Role

NO_SUCH_PAGE = "This page of the list does not exist. Go back to the first page"


class PageStart(Line):
    """Where a page of a list starts, as the link of the page before says it."""

    def __init__(self) -> None:
        """Take what our own links carry."""
        super().__init__(NO_SUCH_PAGE, what="Page", limit=80, optional=True)

    def judge(self, text: str) -> str:
        """Refuse what no link of ours carries."""
        if not re.fullmatch(r"[0-9A-Za-z.:-]+", text):
            raise ValidationError(NO_SUCH_PAGE)
        return text


class Reference(Line):
    """A transfer's reference, written properly."""

    def __init__(self, *, optional: bool = False) -> None:
        """Ask for a reference."""
        super().__init__("Enter a transfer's reference", what="Reference", limit=20, optional=optional)

    def judge(self, text: str) -> str:
        """Refuse what is none: the check character finds a mistyped one."""
        reference = parse_reference(text)
        if reference is None:
            raise ValidationError("Enter a reference like PT-7F3K-92QD. Check each letter and number")
        return reference


@dataclass(frozen=True, slots=True)
class ComplianceFilter:
    """Which schools are listed, in which order, over which time."""

    period: PeriodChoice | None = None
    show: SchoolShow | None = None
    order: SchoolOrder | None = None
    name: str | None = None
    after: str | None = None


class ComplianceFilterSchema(ValueSchema[ComplianceFilter]):
    """The filters of the compliance page."""

    makes = ComplianceFilter
    period = Choice(PeriodChoice, "Choose a period from the list", optional=True)
    show = Choice(SchoolShow, "Choose which schools to show from the list", optional=True)
    order = Choice(SchoolOrder, "Choose an order from the list", optional=True)
    name = Line("Enter a school's name, town or URN", what="School", limit=100, optional=True)
    after = PageStart()


@dataclass(frozen=True, slots=True)
class SchoolFilter:
    """Which dispatches of a school are listed."""

    box: Box | None = None
    show: DispatchShow | None = None
    after: str | None = None


class SchoolFilterSchema(ValueSchema[SchoolFilter]):
    """The filters of a school's page."""

    makes = SchoolFilter
    box = Choice(Box, "Choose sent or received", optional=True)
    show = Choice(DispatchShow, "Choose what to show from the list", optional=True)
    after = PageStart()


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is looked for in the log: at which school, by whom, on which transfer, what and when."""

    school: str | None = None
    email: str | None = None
    reference: str | None = None
    event: Event | None = None
    from_on: date | None = None
    to_on: date | None = None


class AuditFilterSchema(ValueSchema[AuditFilter]):
    """The search form of the audit page."""

    makes = AuditFilter
    school = Urn("Choose a school from the list", optional=True)
    email = Email("Enter the person's email address", optional=True)
    reference = Reference(optional=True)
    event = Choice(Event, "Choose what happened from the list", optional=True)
    from_on = Day("Enter the first day", what="First day", optional=True)
    to_on = Day("Enter the last day", what="Last day", optional=True)


@dataclass(frozen=True, slots=True)
class DecideApproval:
    """That the officer telephoned the school, and with whom."""

    spoke_with: str
    telephoned: bool


class RefuseApprovalSchema(ValueSchema[DecideApproval]):
    """The refusal of somebody whom the school does not confirm."""

    makes = DecideApproval
    spoke_with = Line("Enter the name of the person you spoke with", what="Name", limit=100)
    telephoned = Ticked("Confirm that you telephoned the school on the number that the register gives")


@dataclass(frozen=True, slots=True)
class InviteOfficer:
    """Whom to invite into the authority."""

    email: str
    role: Role


class InviteOfficerSchema(ValueSchema[InviteOfficer]):
    """An invitation of an officer or a further Head of Service."""

    makes = InviteOfficer
    email = Email("Enter the person's email address")
    role = Choice(Role, "Choose what the person does at the authority", only=AUTHORITY_ROLES)


@dataclass(frozen=True, slots=True)
class InviteFirst:
    """Whom to invite as one of the first people of a school."""

    email: str
    role: Role


class InviteFirstSchema(ValueSchema[InviteFirst]):
    """An invitation of a school's safeguarding lead or head teacher by the authority."""

    makes = InviteFirst
    email = Email("Enter the person's email address")
    role = Choice(Role, "Choose what the person does at the school", only=KEY_HOLDING_ROLES | {Role.HEAD_TEACHER})


@dataclass(frozen=True, slots=True)
class FindSchool:
    """What was typed into the search for a school."""

    q: str


class FindSchoolSchema(ValueSchema[FindSchool]):
    """The search for a school of the authority."""

    makes = FindSchool
    q = Line("Enter a school's name, town or URN", what="School", limit=100)
