"""What an authority asks of its pages: filters of the compliance and audit pages, decisions, invitations by school."""

import re
from dataclasses import dataclass
from datetime import date

from marshmallow import ValidationError

from schemas.base import ValueSchema
from schemas.fields import Choice, Day, Email, Line, Number, YesNo
from schemas.identifiers import Reference, Urn
from transfer_service.domain.deadlines import LONGEST_CLOCK, CalendarOf, ClockRule, ClockStart, ClockUnit
from transfer_service.domain.events import Event
from transfer_service.domain.oversight import ApprovalRefusal, Box, DispatchShow, PeriodChoice, SchoolOrder, SchoolShow
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
    name = Line("Enter a school’s name, town or URN", what="School", limit=100, optional=True)
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
    email = Email("Enter the person’s email address", optional=True)
    reference = Reference(optional=True)
    event = Choice(Event, "Choose what happened from the list", optional=True)
    from_on = Day("Enter the first day", what="First day", optional=True)
    to_on = Day("Enter the last day", what="Last day", optional=True)


@dataclass(frozen=True, slots=True)
class RefuseApproval:
    """Why somebody is not approved, and with whom the officer spoke, if with anybody."""

    reason: ApprovalRefusal
    spoke_with: str | None = None


class RefuseApprovalSchema(ValueSchema[RefuseApproval]):
    """The refusal of somebody whom the school does not confirm."""

    makes = RefuseApproval
    reason = Choice(ApprovalRefusal, "Choose why you refuse this person")
    spoke_with = Line("Enter the name of the person you spoke with", what="Name", limit=100, optional=True)


@dataclass(frozen=True, slots=True)
class InviteOfficer:
    """Whom to invite into the authority."""

    email: str
    role: Role


class InviteOfficerSchema(ValueSchema[InviteOfficer]):
    """An invitation of an officer or a further Head of Service."""

    makes = InviteOfficer
    email = Email("Enter the person’s email address")
    role = Choice(Role, "Choose what the person does at the authority", only=AUTHORITY_ROLES)


@dataclass(frozen=True, slots=True)
class InviteFirst:
    """Whom to invite as one of the first people of a school."""

    email: str
    role: Role


class InviteFirstSchema(ValueSchema[InviteFirst]):
    """An invitation of a school's safeguarding lead or head teacher by the authority."""

    makes = InviteFirst
    email = Email("Enter the person’s email address")
    role = Choice(Role, "Choose what the person does at the school", only=KEY_HOLDING_ROLES | {Role.HEAD_TEACHER})


@dataclass(frozen=True, slots=True)
class FindSchool:
    """What was typed into the search for a school."""

    q: str


class FindSchoolSchema(ValueSchema[FindSchool]):
    """The search for a school of the authority."""

    makes = FindSchool
    q = Line("Enter a school’s name, town or URN", what="School", limit=100)


@dataclass(frozen=True, slots=True)
class AuditPageQuery:
    """The address of a page of the log: ids and days alone."""

    school: str | None = None
    person: str | None = None
    reference: str | None = None
    event: Event | None = None
    from_on: date | None = None
    to_on: date | None = None
    before: str | None = None


class AuditPageQuerySchema(ValueSchema[AuditPageQuery]):
    """The filters of the audit page as its own links carry them."""

    makes = AuditPageQuery
    school = Urn("Choose a school from the list", optional=True)
    person = PageStart()
    reference = Reference(optional=True)
    event = Choice(Event, "Choose what happened from the list", optional=True)
    from_on = Day("Enter the first day", what="First day", optional=True)
    to_on = Day("Enter the last day", what="Last day", optional=True)
    before = PageStart()


@dataclass(frozen=True, slots=True)
class EditSenderClock:
    """How long a sending school has, as an authority sets it for dispatches to come."""

    unit: ClockUnit
    start: ClockStart
    length: int
    first_day_counts: bool
    calendar: CalendarOf

    @property
    def rule(self) -> ClockRule:
        """The rule as it is stored."""
        return ClockRule(
            unit=self.unit,
            start=self.start,
            length=self.length,
            first_day_counts=self.first_day_counts,
            calendar=self.calendar,
        )


class EditSenderClockSchema(ValueSchema[EditSenderClock]):
    """The settings of one sender's clock."""

    makes = EditSenderClock
    unit = Choice(ClockUnit, "Choose what is counted")
    start = Choice(ClockStart, "Choose when the clock starts", only=frozenset(ClockStart) - {ClockStart.SENT})
    length = Number("Enter the number of days", least=1, most=LONGEST_CLOCK)
    first_day_counts = YesNo("Choose whether the first day counts")
    calendar = Choice(CalendarOf, "Choose whose calendar is used")


class EditReceiverClockSchema(ValueSchema[EditSenderClock]):
    """The settings of the receiver's clock, which always starts from the day of sending."""

    makes = EditSenderClock
    unit = Choice(ClockUnit, "Choose what is counted")
    start = Choice(ClockStart, "Choose when the clock starts", only=frozenset({ClockStart.SENT}))
    length = Number("Enter the number of days", least=1, most=LONGEST_CLOCK)
    first_day_counts = YesNo("Choose whether the first day counts")
    calendar = Choice(CalendarOf, "Choose whose calendar is used")


@dataclass(frozen=True, slots=True)
class RemoveDay:
    """Which day is taken out of the calendar."""

    day: date


class RemoveDaySchema(ValueSchema[RemoveDay]):
    """The button beside a term or closed day."""

    makes = RemoveDay
    day = Day("Choose a day from the list", what="Day")
