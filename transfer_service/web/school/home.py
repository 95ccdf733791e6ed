"""The start page: what awaits me."""

from __future__ import annotations

import structlog
from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from transfer_service.domain.errors import KeyMissing, ServiceError
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import OrganisationKind
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.renewal import list_key_tasks
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.breaches import list_open_breaches
from transfer_service.use_cases.transfers.delivering import deliver_waiting, find_deliverable
from transfer_service.use_cases.transfers.listing import Box, list_transfers
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import Acting, acting
from transfer_service.web.school.piles import show_piles

blueprint = Blueprint("school_home", __name__)
DELIVERED = declare_notice("delivered", "What was waiting for a receiving school’s key was delivered to it just now.")
log = structlog.stdlib.get_logger(__name__)


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
    piles, schools = show_piles(me)
    with me.database.reading() as session:
        key_tasks = list_key_tasks(session, me.at, me.actor)
        breaches = list_open_breaches(session, me.actor)
    return render_template(
        "school/home.html",
        breaches=breaches,
        piles=piles,
        schools=schools,
        key_tasks=key_tasks,
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
        breaches = list_open_breaches(session, me.actor) if can(me.actor, Permission.BREACH_READ) else []
    return render_template(
        "school/home_office.html",
        breaches=breaches,
        rows=page.rows,
        schools=schools,
        more=page.next is not None,
        may_record=can(me.actor, Permission.PUPIL_RECORD),
    )
