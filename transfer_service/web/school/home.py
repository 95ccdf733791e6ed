"""The start page: what awaits me."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import structlog
from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from transfer_service.domain.calendars import local_day
from transfer_service.domain.deadlines import Band, band
from transfer_service.domain.errors import KeyMissing, ServiceError
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import OrganisationKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.delivering import deliver_waiting, find_deliverable
from transfer_service.use_cases.transfers.listing import PAGE, Box, Page, TransferRow, count_awaiting, list_transfers
from transfer_service.web import access
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import Acting, acting, see_other
from transfer_service.web.school.words import day_of, due_tag

blueprint = Blueprint("school_home", __name__)
DELIVERED = declare_notice("delivered", "What was waiting for a receiving school's key was delivered to it just now.")
SHOWN_AT_ONCE = 5
log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """One kind of thing that awaits somebody: how many, which come first, and where the rest is."""

    title: str
    what_to_do: str
    total: str
    rows: tuple[TransferRow, ...]
    address: str
    overdue: int
    incoming: bool = False


@blueprint.get("/")
@access.signed_in
def home() -> Response | str:
    """Show what awaits the person, or lead to the start page of another kind of organisation."""
    me = acting()
    if me.actor.organisation_kind is OrganisationKind.AUTHORITY and can(me.actor, Permission.COMPLIANCE_READ):
        return see_other("/authority")
    if not can(me.actor, Permission.TRANSFER_LIST):
        return render_template("school/home_waiting.html")
    if not can(me.actor, Permission.DISPATCH_STATUS_READ):
        return _office(me)
    deliver_what_waits(me)
    with me.database.reading() as session:
        awaiting = list_transfers(session, me.at, me.actor, box=Box.AWAITING)
        total = count_awaiting(session, me.actor)
        pages = {
            status: list_transfers(session, me.at, me.actor, box=Box.OUT, statuses=frozenset({status}))
            for status in (Status.DRAFT, Status.REJECTED, Status.WAITING)
        }
        shown = [row.other_school for page in (awaiting, *pages.values()) for row in page.rows[:SHOWN_AT_ONCE]]
        schools = show_schools(session, shown)
    today = local_day(me.at.now())
    piles = [_awaiting(awaiting, total, today), *(_outgoing(status, page, today) for status, page in pages.items())]
    return render_template(
        "school/home.html",
        piles=[pile for pile in piles if pile.rows],
        schools=schools,
        tag_of=lambda row, incoming: (
            due_tag(row.receiver_due_on, day_of(row.acknowledged_at), today=today)
            if incoming
            else due_tag(row.due_on, day_of(row.sent_at), today=today)
        ),
        holds_keys=me.actor.holds_keys,
    )


def deliver_what_waits(me: Acting) -> None:
    """Deliver what waited for a receiving school's key, now that somebody who can open it is here."""
    with me.database.reading() as session:
        if not find_deliverable(session, me.actor):
            return
    try:
        with me.database.writing() as session:
            key = open_person_key(session, me.at, cookie=me.cookie)
            keys = open_school_keys(session, me.at, me.actor, key)
            delivery = deliver_waiting(session, me.at, me.actor, keys, storage=me.equipment.storage)
    except KeyMissing:
        return
    except ServiceError:
        # The start page must not fail for it; the next visit tries again.
        log.warning("waiting dispatches not delivered", exc_info=True)
        return
    if delivery.delivered:
        leave_notice(DELIVERED)


def _office(me: Acting) -> str:
    """The office and the head teacher learn of each transfer that it is in hand or done, and nothing finer."""
    with me.database.reading() as session:
        page = list_transfers(session, me.at, me.actor, box=Box.OUT)
        schools = show_schools(session, [row.other_school for row in page.rows])
    return render_template(
        "school/home_office.html",
        rows=page.rows,
        schools=schools,
        more=page.next is not None,
        may_record=can(me.actor, Permission.PUPIL_RECORD),
    )


def _awaiting(page: Page, total: int, today: date) -> Pile:
    return Pile(
        title="Sent to your school",
        what_to_do="Open each file, read it and acknowledge it. Those marked urgent and those that came first are on "
        "top.",
        total=str(total),
        rows=page.rows[:SHOWN_AT_ONCE],
        address="/inbox",
        overdue=sum(_is_overdue(row.receiver_due_on, today) for row in page.rows),
        incoming=True,
    )


def _outgoing(status: Status, page: Page, today: date) -> Pile:
    title, what_to_do = {
        Status.DRAFT: (
            "To be sent by your school",
            "Finish these drafts and send them, or declare nil.",
        ),
        Status.REJECTED: ("Sent back to your school", "See why, then send each to the right school or begin again."),
        Status.WAITING: (
            "Waiting for the receiving school's key",
            "You need not do anything. Each is delivered by itself once the school has a key and you sign in.",
        ),
    }[status]
    overdue = 0
    if status is Status.DRAFT:
        overdue = sum(_is_overdue(row.due_on, today) for row in page.rows)
    return Pile(
        title=title,
        what_to_do=what_to_do,
        total=f"{PAGE} or more" if page.next else str(len(page.rows)),
        rows=tuple(sorted(page.rows, key=lambda row: row.due_on or date.max))[:SHOWN_AT_ONCE],
        address=f"/transfers?box=out&status={status.value}",
        overdue=overdue,
    )


def _is_overdue(due: date | None, today: date) -> bool:
    return band(due, None, today) in (Band.OVERDUE, Band.NEVER)
