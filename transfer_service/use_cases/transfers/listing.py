"""Lists: what the actor's school has sent and has been sent, as far as the actor's role may know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Dispatch, School, Transfer
from transfer_service.db.queries import boxes as queries
from transfer_service.domain import permissions
from transfer_service.domain.calendars import local_day
from transfer_service.domain.dates import LONDON
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.pupils import Pupil, find_pupil

PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Box(StrEnum):
    """Which list: everything sent or being drafted, what of it is late there, and what was sent to the school."""

    OUT = "out"
    UNANSWERED = "unanswered"
    AWAITING = "awaiting"
    UNFILED = "unfiled"
    DEALT_WITH = "dealt_with"

    @property
    def is_own(self) -> bool:
        """Whether the school itself sends what is in it."""
        return self in (Box.OUT, Box.UNANSWERED)


_INCOMING: Mapping[Box, frozenset[Status]] = MappingProxyType(
    {
        Box.AWAITING: frozenset(queries.AWAITING_RECEIVER),
        Box.UNFILED: frozenset({Status.ACKNOWLEDGED}),
        Box.DEALT_WITH: frozenset(queries.ENDED),
    }
)


class Progress(StrEnum):
    """All that the school office and the head teacher learn of a transfer."""

    IN_HAND = "in_hand"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRow:
    """One line of a list.

    `pupil` is None where the reader has not been shown the cover sheet yet, or the columns cannot be opened. For
    readers without the permission to know the exact state everything from `kind` on is None.
    """

    dispatch_id: UUID
    transfer_id: UUID
    reference: str
    number: int
    other_school: School
    progress: Progress
    created_at: datetime
    leaving_on: date
    pupil: Pupil | None = field(repr=False)
    kind: DispatchKind | None
    status: Status | None
    urgent: bool | None
    due_on: date | None
    receiver_due_on: date | None
    sent_at: datetime | None
    opened_at: datetime | None
    acknowledged_at: datetime | None
    filed_at: datetime | None
    rejection_reason: RejectionReason | None


@dataclass(frozen=True, slots=True)
class Page:
    """At most fifty rows; `next` is what to ask the following page with, None on the last."""

    rows: tuple[TransferRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAwaiting:
    """The next thing that awaits the school: "Next file (12 of 40)", counted over today's."""

    dispatch_id: UUID
    reference: str
    number: int
    position: int
    total: int


def list_transfers(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    box: Box,
    statuses: frozenset[Status] | None = None,
    after: str | None = None,
) -> Page:
    """List one page of a box; `statuses` narrows it for those who may know states. Raises NotFound for a bad `after`.

    The office sees the school's own transfers, "in hand" or "done"; what is sent to the school is the safeguarding
    leads' business.
    """
    school_id = school_of(actor)
    permissions.check(actor, Permission.TRANSFER_LIST)
    knows_states = permissions.can(actor, Permission.DISPATCH_STATUS_READ)
    if box is not Box.OUT:
        permissions.check(actor, Permission.DISPATCH_STATUS_READ)
    if box.is_own:
        before = None if after is None else _read_cursor(after)[1:]
        statement = queries.select_outgoing(
            school_id=school_id,
            statuses=statuses if knows_states else None,
            before=before,
            limit=PAGE + 1,
            unanswered_on=local_day(at.now()) if box is Box.UNANSWERED else None,
        )
    else:
        wanted = _INCOMING[box]
        statement = queries.select_incoming(
            school_id=school_id,
            statuses=wanted if statuses is None else wanted & statuses,
            after=None if after is None else _read_cursor(after),
            limit=PAGE + 1,
            is_unfiled=box is Box.UNFILED,
        )
    found = [(dispatch, transfer, school) for dispatch, transfer, school in session.execute(statement)]
    rows = tuple(
        _row(at, dispatch, transfer, school, incoming=not box.is_own, knows_states=knows_states)
        for dispatch, transfer, school in found[:PAGE]
    )
    more = len(found) > PAGE
    return Page(rows, _write_cursor(box, found[PAGE - 1][0], found[PAGE - 1][1]) if more else None)


def tally(
    session: Session, actor: Actor, page: Page, *, box: Box, status: Status | None = None, today: date
) -> tuple[int, int]:
    """Count all of a box that `page` is the first page of, and how many are beyond their day: for a heading over it.

    `status` as the page was asked for. A list of one page is counted without asking the database again.
    """
    permissions.check(actor, Permission.DISPATCH_STATUS_READ)
    if page.next is None:
        days = [row.due_on if box is Box.OUT else row.receiver_due_on for row in page.rows]
        return len(days), sum(day is not None and day < today for day in days)
    if box is Box.UNANSWERED:
        count = queries.count_unanswered(session, school_id=school_of(actor), today=today)
        return count, count
    if box is Box.UNFILED:
        return queries.count_unfiled(session, school_id=school_of(actor)), 0
    statuses = queries.AWAITING_RECEIVER if status is None else (status,)
    tally_of = queries.tally_outgoing if box is Box.OUT else queries.tally_incoming
    return tally_of(session, school_id=school_of(actor), statuses=statuses, today=today)


def count_awaiting(session: Session, actor: Actor) -> int:
    """Count what awaits the actor's school: for the heading of "what awaits me". 0 for those who deal with none."""
    if not permissions.can(actor, Permission.COVER_READ):
        return 0
    return queries.count_incoming(session, school_id=school_of(actor), statuses=queries.AWAITING_RECEIVER)


def find_next_awaiting(session: Session, at: Installation, actor: Actor) -> NextAwaiting | None:
    """Find what to do next at the receiving school, after an acknowledgement; None where nothing is left.

    Counted over a day: with 40 files at hand of which 11 were acknowledged today, the next is "12 of 40".
    """
    school_id = school_of(actor)
    permissions.check(actor, Permission.COVER_READ)
    statuses = (Status.SENT, Status.OPENED)
    first = session.execute(
        queries.select_incoming(school_id=school_id, statuses=statuses, after=None, limit=1)
    ).first()
    if first is None:
        return None
    dispatch, transfer, _ = first
    midnight = at.now().astimezone(LONDON).replace(hour=0, minute=0, second=0, microsecond=0)
    done = queries.count_acknowledged(session, school_id=school_id, since=midnight.astimezone(UTC))
    left = queries.count_incoming(session, school_id=school_id, statuses=statuses)
    return NextAwaiting(
        dispatch_id=dispatch.id,
        reference=transfer.reference,
        number=dispatch.number,
        position=done + 1,
        total=done + left,
    )


def progress_of(status: Status) -> Progress:
    """What the office learns of a state."""
    return Progress.DONE if status is Status.ACKNOWLEDGED else Progress.IN_HAND


def _row(
    at: Installation, dispatch: Dispatch, transfer: Transfer, school: School, *, incoming: bool, knows_states: bool
) -> TransferRow:
    # A receiving school learns who the child is on the cover sheet, whose showing leaves a leaf; not from a list.
    may_name = not incoming or dispatch.cover_shown_at is not None
    return TransferRow(
        dispatch_id=dispatch.id,
        transfer_id=transfer.id,
        reference=transfer.reference,
        number=dispatch.number,
        other_school=school,
        progress=progress_of(dispatch.status),
        created_at=transfer.created_at,
        leaving_on=transfer.leaving_on,
        pupil=find_pupil(at, transfer) if may_name else None,
        kind=dispatch.kind if knows_states else None,
        status=dispatch.status if knows_states else None,
        urgent=dispatch.urgent if knows_states else None,
        due_on=dispatch.due_on if knows_states else None,
        receiver_due_on=dispatch.receiver_due_on if knows_states else None,
        sent_at=dispatch.sent_at if knows_states else None,
        opened_at=dispatch.opened_at if knows_states else None,
        acknowledged_at=dispatch.acknowledged_at if knows_states else None,
        filed_at=dispatch.filed_at if knows_states else None,
        rejection_reason=dispatch.rejection_reason if knows_states else None,
    )


def _write_cursor(box: Box, dispatch: Dispatch, transfer: Transfer) -> str:
    if box.is_own:
        moment, key = transfer.created_at, transfer.id
    else:
        moment, key = dispatch.sent_at or transfer.created_at, dispatch.id
    is_urgent = not box.is_own and dispatch.urgent
    return f"{int(is_urgent)}-{(moment - _EPOCH) // _MICROSECOND:x}-{key.hex}"


def _read_cursor(text: str) -> tuple[bool, datetime, UUID]:
    try:
        urgent, moment, key = text.split("-")
        return bool(int(urgent)), _EPOCH + int(moment, 16) * _MICROSECOND, UUID(hex=key)
    except (ValueError, OverflowError):
        raise NotFound("page") from None
