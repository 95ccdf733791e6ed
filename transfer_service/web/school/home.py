"""The start page: what awaits me."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import structlog
from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from transfer_service.domain.calendars import local_day
from transfer_service.domain.errors import KeyMissing, ServiceError
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import OrganisationKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.renewal import list_key_tasks
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.delivering import deliver_waiting, find_deliverable
from transfer_service.use_cases.transfers.listing import Box, Page, TransferRow, list_transfers, tally
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import Acting, acting
from transfer_service.web.school.words import day_of, due_tag

blueprint = Blueprint("school_home", __name__)
DELIVERED = declare_notice("delivered", "What was waiting for a receiving school's key was delivered to it just now.")
SHOWN_AT_ONCE = 5
_WORDS: Mapping[Status, tuple[str, str]] = MappingProxyType(
    {
        Status.DRAFT: ("To be sent by your school", "Finish these drafts and send them, or declare nil."),
        Status.REJECTED: ("Sent back to your school", "See why, then send each to the right school or begin again."),
        Status.WAITING: (
            "Waiting for the receiving school's key",
            "You need not do anything. Each is delivered by itself once the school has a key and you sign in.",
        ),
    }
)
log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """One kind of thing that awaits somebody: how many, which come first, and where the rest is."""

    title: str
    what_to_do: str
    total: int
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
    today = local_day(me.at.now())
    with me.database.reading() as session:
        first = list_transfers(session, me.at, me.actor, box=Box.AWAITING)
        piles = [_awaiting(first, tally(session, me.actor, first, box=Box.AWAITING, today=today))]
        for status in _WORDS:
            page = list_transfers(session, me.at, me.actor, box=Box.OUT, statuses=frozenset({status}))
            counts = tally(session, me.actor, page, box=Box.OUT, status=status, today=today)
            piles.append(_outgoing(status, page, counts))
        schools = show_schools(session, [row.other_school for pile in piles for row in pile.rows])
        key_tasks = list_key_tasks(session, me.at, me.actor)
    return render_template(
        "school/home.html",
        key_tasks=key_tasks,
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


def _awaiting(page: Page, counts: tuple[int, int]) -> Pile:
    total, overdue = counts
    return Pile(
        title="Sent to your school",
        what_to_do="Open each file, read it and acknowledge it. Those marked urgent and those that came first are on "
        "top.",
        total=total,
        rows=page.rows[:SHOWN_AT_ONCE],
        address="/inbox",
        overdue=overdue,
        incoming=True,
    )


def _outgoing(status: Status, page: Page, counts: tuple[int, int]) -> Pile:
    title, what_to_do = _WORDS[status]
    total, overdue = counts
    return Pile(
        title=title,
        what_to_do=what_to_do,
        total=total,
        rows=tuple(sorted(page.rows, key=lambda row: row.due_on or date.max))[:SHOWN_AT_ONCE],
        address=f"/transfers?box=out&status={status.value}",
        overdue=overdue if status is Status.DRAFT else 0,
    )
