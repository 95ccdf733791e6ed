"""A school's own list of transfers as a table to take away: its register of what went out and came in, and when."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from transfer_service.domain import permissions
from transfer_service.domain.calendars import local_day
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import DISPATCH_KIND_LABELS, STATUS_LABELS, Status
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.tables import Table
from transfer_service.use_cases.transfers.listing import Box, TransferRow, list_transfers

MOST_ROWS = 5_000
"""Above what a school sends and is sent in ten years."""


def take_list(
    session: Session, at: Installation, actor: Actor, *, box: Box, statuses: frozenset[Status] | None = None
) -> Table:
    """Return all pages of a list; commit before it leaves: the leaf is in the commit.

    A pupil is named where the page names one: not before the cover sheet was shown. Raises PermissionRefused for those
    who may not know states.
    """
    permissions.check(actor, Permission.DISPATCH_STATUS_READ)
    rows: list[TransferRow] = []
    after: str | None = None
    while len(rows) < MOST_ROWS:
        page = list_transfers(session, at, actor, box=box, statuses=statuses, after=after)
        rows += page.rows
        after = page.next
        if after is None:
            break
    schools = show_schools(session, [row.other_school for row in rows])
    headings = (
        "Reference",
        "Forename",
        "Surname",
        "To" if box.is_own else "From",
        "URN",
        "What was sent",
        "State",
        "Left on",
        "Due to be sent by",
        "Sent on",
        "Due to be acknowledged by",
        "Opened on",
        "Acknowledged on",
        "Filed on",
    )
    name = f"transfers-{box.value.replace('_', '-')}-{local_day(at.now()).isoformat()}"
    table = Table(name, headings, tuple(_cells(row, schools[row.other_school.id]) for row in rows))
    record(session, at, actor, Event.COMPLIANCE_EXPORTED, basis=Basis.ROLE.value, subject=school_of(actor))
    return table


def _cells(row: TransferRow, other: SchoolShown) -> tuple[str | date | None, ...]:
    moments = (row.sent_at, row.opened_at, row.acknowledged_at, row.filed_at)
    sent_on, opened_on, acknowledged_on, filed_on = (moment and local_day(moment) for moment in moments)
    return (
        row.reference,
        row.pupil.forename if row.pupil else None,
        row.pupil.surname if row.pupil else None,
        other.name,
        other.urn,
        DISPATCH_KIND_LABELS[row.kind] if row.kind else None,
        STATUS_LABELS[row.status] if row.status else None,
        row.leaving_on,
        row.due_on,
        sent_on,
        row.receiver_due_on,
        opened_on,
        acknowledged_on,
        filed_on,
    )
