"""Which schools are late: an authority's figures by school, for both clocks. No pupil is named or listed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import School
from transfer_service.db.queries import compliance as queries
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries.compliance import ReceivedCount, SentCount
from transfer_service.domain.calendars import local_day
from transfer_service.domain.compliance import Outcome, Reason, SchoolSummary
from transfer_service.domain.deadlines import Band, days_late
from transfer_service.domain.events import Event
from transfer_service.domain.oversight import PAGE_LENGTH, PeriodChoice, SchoolOrder, SchoolShow, period_of
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.domain.search import fold_for_search
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.granting import HolderLevel, level_of
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look

_OVERDUE = (Band.OVERDUE, Band.NEVER)
_DECLARED = (Outcome.FILE_RECEIVED, Outcome.NIL_DECLARED, Outcome.SENT, Outcome.WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the compliance page was asked for; `after` is the URN of the last school of the page before."""

    period: PeriodChoice = PeriodChoice.TWELVE_MONTHS
    show: SchoolShow = SchoolShow.ACTIVE
    order: SchoolOrder = SchoolOrder.OVERDUE
    name: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolFigures:
    """One school's figures. `key_level` is None where nobody at the school has joined the service yet.

    `longest_overdue` is how many calendar days ago the oldest of what it owes was due, 0 where it owes nothing.
    """

    school_id: UUID
    urn: str
    name: str
    town: str
    search_name: str
    is_closed: bool
    summary: SchoolSummary
    longest_overdue: int
    waiting_for_key: int
    key_holders: int
    key_level: HolderLevel | None

    @property
    def sender_overdue(self) -> int:
        """Files that the school has not sent although they were due."""
        return sum(self.summary.sender[band] for band in _OVERDUE)

    @property
    def receiver_overdue(self) -> int:
        """Files that the school has not acknowledged although it should have."""
        return sum(self.summary.receiver[band] for band in _OVERDUE)

    @property
    def overdue(self) -> int:
        """Everything that the school owes."""
        return self.sender_overdue + self.receiver_overdue

    @property
    def never_sent(self) -> int:
        """Files that were due so long ago that they count as never sent."""
        return self.summary.sender[Band.NEVER]

    @property
    def never(self) -> int:
        """What of it has been owed for so long that it counts as never done."""
        return self.summary.sender[Band.NEVER] + self.summary.receiver[Band.NEVER]

    @property
    def moves(self) -> int:
        """Moves away from the school."""
        return sum(self.summary.outcomes.values())

    @property
    def nil_percent(self) -> int | None:
        """The share of nil declarations in what the school has sent, in percent; None where it has sent nothing."""
        sent = self.summary.files_sent + self.summary.nils_declared
        return round(100 * self.summary.nils_declared / sent) if sent else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums over all schools of the authority in the period, whatever the table shows."""

    sender: Mapping[Band, int]
    receiver: Mapping[Band, int]
    outcomes: Mapping[Outcome, int]
    reasons: Mapping[Reason, int]
    nils: int
    files: int
    waiting_for_key: int
    never_sent: int
    overdue_schools: int
    quiet_schools: int
    single_holder_schools: int
    keyless_schools: int
    always_nil_schools: int
    schools: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """One page of the authority's figures; `next_after` is where the next page starts, None on the last."""

    totals: Totals
    schools: tuple[SchoolFigures, ...]
    matching: int
    next_after: str | None


def look_at_compliance(session: Session, at: Installation, actor: Actor) -> Look:
    """Record that the actor looks at the authority's figures; raises NotFound, PermissionRefused."""
    subject = authority_of(actor)
    return record_look(
        session, at, actor, Event.COMPLIANCE_LISTED, permission=Permission.COMPLIANCE_READ, subject=subject
    )


def get_compliance(session: Session, at: Installation, actor: Actor, *, look: Look, filters: Filters) -> Compliance:
    """Count the moves of the actor's authority: four statements, however many schools and moves there are."""
    check_look(look, actor, Event.COMPLIANCE_LISTED, subject=authority_of(actor))
    figures = list_figures(session, at, actor, period=filters.period)
    shown = order_schools([one for one in figures if _is_shown(one, filters)], filters.order)
    start = next((place + 1 for place, one in enumerate(shown) if one.urn == filters.after), 0)
    page = shown[start : start + PAGE_LENGTH]
    more = len(shown) > start + PAGE_LENGTH
    return Compliance(
        totals=_sum_up(figures),
        schools=tuple(page),
        matching=len(shown),
        next_after=page[-1].urn if more else None,
    )


def list_figures(
    session: Session, at: Installation, actor: Actor, *, period: PeriodChoice, school: School | None = None
) -> list[SchoolFigures]:
    """Return the figures of every school of the actor's authority that is open or has moves, by name; or of one."""
    authority_id, today = authority_of(actor), local_day(at.now())
    days, school_id = period_of(period, today), school.id if school else None
    sent: dict[UUID, list[SentCount]] = {}
    for one in queries.count_sent(session, authority_id=authority_id, school_id=school_id, today=today, period=days):
        sent.setdefault(one.school_id, []).append(one)
    received: dict[UUID, list[ReceivedCount]] = {}
    for count in queries.count_received(
        session, authority_id=authority_id, school_id=school_id, today=today, period=days
    ):
        received.setdefault(count.school_id, []).append(count)
    holders = {found.id: count for found, count in key_queries.list_holder_counts(session, authority_id)}
    return [
        _figures(one, sent.get(one.id, ()), received.get(one.id, ()), holders.get(one.id), today=today)
        for one in ([school] if school else queries.list_schools(session, authority_id=authority_id))
        if school or not one.is_closed or one.id in sent or one.id in received
    ]


def order_schools(schools: Iterable[SchoolFigures], order: SchoolOrder) -> list[SchoolFigures]:
    """Sort schools; those alike stand by name."""
    keys: Mapping[SchoolOrder, Callable[[SchoolFigures], Any]] = {
        SchoolOrder.OVERDUE: lambda one: (-one.overdue, -one.never, -one.longest_overdue, one.search_name, one.urn),
        SchoolOrder.LONGEST: lambda one: (-one.longest_overdue, -one.overdue, one.search_name, one.urn),
        SchoolOrder.NAME: lambda one: (one.search_name, one.urn),
        SchoolOrder.NIL_SHARE: lambda one: (-(one.nil_percent or 0), -one.moves, one.search_name, one.urn),
        SchoolOrder.MOST_SENT: lambda one: (-one.moves, one.search_name, one.urn),
    }
    return sorted(schools, key=keys[order])


def _is_shown(one: SchoolFigures, filters: Filters) -> bool:
    words = f" {one.search_name} {one.urn}"
    if filters.name and not all(f" {word}" in words for word in fold_for_search(filters.name).split()):
        return False
    match filters.show:
        case SchoolShow.OVERDUE:
            return one.overdue > 0
        case SchoolShow.NEVER_SENT:
            return one.never_sent > 0
        case SchoolShow.ACTIVE:
            return not _is_quiet(one)
        case SchoolShow.QUIET:
            return _is_quiet(one)
        case SchoolShow.KEYS:
            return one.key_level in (HolderLevel.AMBER, HolderLevel.RED)
        case SchoolShow.ALWAYS_NIL:
            return one.summary.always_declares_nil
        case SchoolShow.ALL:
            return True


def _is_quiet(one: SchoolFigures) -> bool:
    """Whether the school neither sends nor is sent anything: silence is not compliance."""
    return one.summary.has_no_activity and not one.waiting_for_key


def _figures(
    school: School, sent: Sequence[SentCount], received: Sequence[ReceivedCount], holders: int | None, *, today: date
) -> SchoolFigures:
    outcomes: Counter[Outcome] = Counter()
    sender: Counter[Band] = Counter()
    reasons: Counter[Reason] = Counter()
    files = nils = 0
    for one in sent:
        outcomes[one.outcome] += one.count
        sender[one.sender] += one.count
        if one.reason is not None:
            reasons[one.reason] += one.count
        if one.outcome in _DECLARED:
            is_nil = one.kind is DispatchKind.NIL
            nils, files = nils + one.count * is_nil, files + one.count * (not is_nil)
    receiver: Counter[Band] = Counter()
    waiting = 0
    for count in received:
        if count.receiver is not None:
            receiver[count.receiver] += count.count
        if count.status is Status.WAITING:
            waiting += count.count
    return SchoolFigures(
        school_id=school.id,
        urn=school.urn,
        name=school.name,
        town=school.town,
        search_name=school.search_name,
        is_closed=school.is_closed,
        summary=SchoolSummary(
            school_id=school.id,
            outcomes=_all_of(Outcome, outcomes),
            sender=_all_of(Band, sender),
            receiver=_all_of(Band, receiver),
            reasons=_all_of(Reason, reasons),
            files_sent=files,
            nils_declared=nils,
        ),
        longest_overdue=_longest_overdue(sent, received, today=today),
        waiting_for_key=waiting,
        key_holders=holders or 0,
        key_level=None if holders is None else level_of(holders),
    )


def _longest_overdue(sent: Sequence[SentCount], received: Sequence[ReceivedCount], *, today: date) -> int:
    owed = [one.first_due_on for one in sent if one.sender in _OVERDUE]
    owed += [one.first_due_on for one in received if one.receiver in _OVERDUE]
    return max((days_late(due, None, today) for due in owed), default=0)


def _all_of(words: Iterable[Any], counted: Mapping[Any, int]) -> Mapping[Any, int]:
    return MappingProxyType({word: counted.get(word, 0) for word in words})


def _sum_up(figures: Sequence[SchoolFigures]) -> Totals:
    def added(words: Iterable[Any], part: Callable[[SchoolSummary], Mapping[Any, int]]) -> Mapping[Any, int]:
        return MappingProxyType({word: sum(part(one.summary)[word] for one in figures) for word in words})

    return Totals(
        sender=added(Band, lambda summary: summary.sender),
        receiver=added(Band, lambda summary: summary.receiver),
        outcomes=added(Outcome, lambda summary: summary.outcomes),
        reasons=added(Reason, lambda summary: summary.reasons),
        nils=sum(one.summary.nils_declared for one in figures),
        files=sum(one.summary.files_sent for one in figures),
        waiting_for_key=sum(one.waiting_for_key for one in figures),
        never_sent=sum(one.never_sent for one in figures),
        overdue_schools=sum(one.overdue > 0 for one in figures),
        quiet_schools=sum(_is_quiet(one) for one in figures),
        single_holder_schools=sum(one.key_level is HolderLevel.AMBER for one in figures),
        keyless_schools=sum(one.key_level is HolderLevel.RED for one in figures),
        always_nil_schools=sum(one.summary.always_declares_nil for one in figures),
        schools=len(figures),
    )
