"""What awaits a safeguarding lead, in piles: each of one kind, with what to do about it, the most pressing first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from transfer_service.domain.calendars import local_day
from transfer_service.domain.deadlines import Band
from transfer_service.domain.transfer import REJECTION_REASON_LABELS, Status
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.transfers.listing import Box, Page, TransferRow, list_transfers, tally
from transfer_service.web.school.acting import Acting
from transfer_service.web.school.words import day_of, due_tag

SHOWN_AT_ONCE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of thing that awaits somebody: what it is called, what to do about it, and how its list looks."""

    title: str
    what_to_do: str
    box: Box
    status: Status | None = None
    """The only state that belongs here, where a box holds several."""
    due: str = ""
    """What the column of due days says; empty where there is none."""
    opens: str = ""
    """Which page of a transfer its reference leads to; empty for its first."""
    is_urged: bool = False
    """Whether the other school is to be telephoned."""
    says_why: bool = False
    """Whether a column says why it came back, and what that asks for."""

    @property
    def address(self) -> str:
        """Where all of it is listed."""
        if self.box is Box.AWAITING:
            return "/inbox"
        return "/transfers?" + urlencode(
            {"box": self.box.value, **({"status": self.status.value} if self.status else {})}
        )


KINDS: Final = (
    Kind(
        title="Sent to your school",
        what_to_do="Open each file, read it and acknowledge it. Those marked urgent and those that came first are on "
        "top.",
        box=Box.AWAITING,
        due="Acknowledge",
        opens="cover",
    ),
    Kind(
        title="Not acknowledged in time",
        what_to_do="The receiving school was reminded by email. Telephone it, and ask for the designated safeguarding "
        "lead.",
        box=Box.UNANSWERED,
        due="Acknowledge",
        is_urged=True,
    ),
    Kind(
        title="To be sent by your school",
        what_to_do="Finish these drafts and send them, or declare nil.",
        box=Box.OUT,
        status=Status.DRAFT,
        due="Send",
    ),
    Kind(
        title="Sent back to your school",
        what_to_do="See why, then send each to the right school or begin again.",
        box=Box.OUT,
        status=Status.REJECTED,
        says_why=True,
    ),
    Kind(
        title="Waiting for the receiving school’s key",
        what_to_do="You need not do anything. Each is delivered by itself once the school has a key and you sign in.",
        box=Box.OUT,
        status=Status.WAITING,
    ),
    Kind(
        title="To be filed in your school’s own system",
        what_to_do="Download each file, put it into your own system, and state that it is there. Until you do, it "
        "cannot be deleted here.",
        box=Box.UNFILED,
        opens="filed",
    ),
)
"""In the order in which they stand on the start page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One transfer of a pile: where its reference leads, the words and band of its due day, and why it came back."""

    row: TransferRow
    address: str
    due: tuple[str, str]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """What there is of one kind: how many, how many of them are beyond their day, and the first few."""

    kind: Kind
    total: int
    overdue: int
    lines: tuple[Line, ...]


def show_piles(me: Acting) -> tuple[list[Pile], Mapping[UUID, SchoolShown]]:
    """What awaits the person's school, without the kinds of which there is nothing, and the schools named in it."""
    today = local_day(me.at.now())
    piles = []
    with me.database.reading() as session:
        for kind in KINDS:
            statuses = None if kind.status is None else frozenset({kind.status})
            page = list_transfers(session, me.at, me.actor, box=kind.box, statuses=statuses)
            if page.rows:
                counts = tally(session, me.actor, page, box=kind.box, status=kind.status, today=today)
                piles.append(_pile(kind, page, counts, today=today))
        schools = show_schools(session, [line.row.other_school for pile in piles for line in pile.lines])
    return piles, schools


def _pile(kind: Kind, page: Page, counts: tuple[int, int], *, today: date) -> Pile:
    total, overdue = counts
    rows = sorted(page.rows, key=_day_of(kind)) if kind.box.is_own else page.rows
    return Pile(
        kind=kind,
        total=total,
        overdue=overdue if kind.due else 0,
        lines=tuple(_line(row, kind, today=today) for row in rows[:SHOWN_AT_ONCE]),
    )


def _day_of(kind: Kind) -> Callable[[TransferRow], Any]:
    if kind.box is Box.UNANSWERED:
        return lambda row: row.receiver_due_on or date.max
    return lambda row: row.due_on or date.max


def _line(row: TransferRow, kind: Kind, *, today: date) -> Line:
    due = due_tag(row.receiver_due_on, day_of(row.acknowledged_at), today=today)
    if kind.box is Box.OUT:
        due = due_tag(row.due_on, day_of(row.sent_at), today=today)
    elif row.status is Status.WAITING:
        due = ("Once your school has its key", Band.NOT_DUE.value)
    # A cover sheet is there from delivery on. What was opened is gone on with on the transfer's own page.
    opens = "" if kind.box is Box.AWAITING and row.status is not Status.SENT else kind.opens
    address = f"/transfers/{row.reference}"
    why = REJECTION_REASON_LABELS[row.rejection_reason] if row.rejection_reason else ""
    return Line(row=row, address=f"{address}/{opens}" if opens else address, due=due, why=why)
