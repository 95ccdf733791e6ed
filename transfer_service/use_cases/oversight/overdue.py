"""What the schools of an authority owe, one by one, the longest due first: whom to telephone, and about what."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from transfer_service.db.queries import oversight_lists as queries
from transfer_service.domain.calendars import local_day
from transfer_service.domain.deadlines import days_late
from transfer_service.domain.events import Event
from transfer_service.domain.oversight import PAGE_LENGTH, Box
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look
from transfer_service.use_cases.oversight.school_exchange import Line, read_place, tell_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One file that is not sent, or not acknowledged, and the calendar days by which it is late."""

    line: Line
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """One page of what is owed; `next_after` is None on the last."""

    owed: tuple[Owed, ...]
    next_after: str | None


def look_at_overdue(session: Session, at: Installation, actor: Actor) -> Look:
    """Record that the actor lists what the authority's schools owe; raises NotFound, PermissionRefused."""
    subject = authority_of(actor)
    return record_look(
        session, at, actor, Event.TRANSFERS_LISTED, permission=Permission.COMPLIANCE_READ, subject=subject
    )


def list_overdue(
    session: Session, at: Installation, actor: Actor, *, look: Look, box: Box, after: str | None = None
) -> Overdue:
    """List one page of what is not sent, or with the other box not acknowledged; raises Invalid for a bad `after`."""
    authority_id, today = authority_of(actor), local_day(at.now())
    check_look(look, actor, Event.TRANSFERS_LISTED, subject=authority_id)
    rows = queries.list_overdue(
        session, authority_id=authority_id, box=box, today=today, after=read_place(after), limit=PAGE_LENGTH + 1
    )
    lines = tell_lines(session, at, actor, rows[:PAGE_LENGTH])
    return Overdue(
        owed=tuple(
            Owed(line=one, days=days_late(one.due_on if box is Box.SENT else one.receiver_due_on, None, today))
            for one in lines
        ),
        next_after=lines[-1].after if len(rows) > PAGE_LENGTH else None,
    )
