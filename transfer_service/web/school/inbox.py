"""What was sent to the school and waits for it; and nil declarations, many at once."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.school_pages import NilsReadSchema
from transfer_service.domain.calendars import local_day
from transfer_service.domain.permissions import Permission
from transfer_service.domain.references import parse_reference
from transfer_service.domain.statements import NIL_ACKNOWLEDGEMENT, NIL_DECLARATION
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.acknowledging import NilsAcknowledged, acknowledge_nils
from transfer_service.use_cases.transfers.covers import show_nils
from transfer_service.use_cases.transfers.listing import Box, count_awaiting, list_transfers
from transfer_service.use_cases.transfers.viewing import find_dispatch
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.words import day_of, due_tag

blueprint = Blueprint("school_inbox", __name__)
NILS_DONE = declare_notice("nils-acknowledged", "The nil declarations that you chose are acknowledged.")


@blueprint.get("/inbox")
@access.requires(Permission.COVER_READ)
def inbox() -> str:
    """List what awaits the school: urgent first, then what has waited longest."""
    me = acting()
    after = request.args.get("after")
    with me.database.reading() as session:
        page = list_transfers(session, me.at, me.actor, box=Box.AWAITING, after=after)
        schools = show_schools(session, [row.other_school for row in page.rows])
        total = count_awaiting(session, me.actor)
    today = local_day(me.at.now())
    return render_template(
        "school/inbox.html",
        rows=page.rows,
        schools=schools,
        total=total,
        waiting=Status.WAITING,
        nil=DispatchKind.NIL,
        has_nils=any(row.kind is DispatchKind.NIL for row in page.rows),
        tag_of=lambda row: due_tag(row.receiver_due_on, day_of(row.acknowledged_at), today=today),
        next_page="/inbox?" + urlencode({"after": page.next}) if page.next else "",
        is_first=after is None,
    )


@blueprint.get("/inbox/nils")
@access.requires(Permission.COVER_READ)
def nils() -> str:
    """Show the nil declarations that wait, each with its pupil, to be acknowledged together."""
    return render_template("school/nils.html", form=Form(), **_about_nils())


@blueprint.post("/inbox/nils")
@access.requires(Permission.RECEIPT_ACKNOWLEDGE)
def nils_read() -> Response | tuple[str, int]:
    """Acknowledge those that were chosen; one that cannot be keeps the others from nothing."""
    submitted = submit(NilsReadSchema, request.form)
    if submitted.value is None:
        context = _about_nils()
        if not any(one.cover for one in context["covers"]):
            return see_other("/inbox/nils")  # a colleague has acknowledged them meanwhile
        return refused("school/nils.html", submitted.form, **context)
    chosen = {reference for text in submitted.value.references if (reference := parse_reference(text))}
    outcome, names = _acknowledge(sorted(chosen), version=submitted.value.statement_version)
    if outcome.refused:
        said = [f"{names[dispatch_id]}: {refusal.sentence}" for dispatch_id, refusal in outcome.refused]
        return refused("school/nils.html", Form().with_errors({"": said}), **_about_nils())
    if len(outcome.done) == 1:
        return see_other(transfer_path(outcome.done[0].reference, "receipt"))
    leave_notice(NILS_DONE)
    return see_other("/inbox")


def _acknowledge(references: list[str], *, version: str) -> tuple[NilsAcknowledged, dict[UUID, str]]:
    me = acting()
    with me.database.writing() as session:
        names = {find_dispatch(session, me.actor, reference=one): one for one in references}
        outcome = acknowledge_nils(
            session,
            me.at,
            me.actor,
            dispatch_ids=list(names),
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
            statement_version=version,
        )
    return outcome, names


def _about_nils() -> dict[str, Any]:
    me = acting()
    with me.database.writing() as session:
        covers = show_nils(
            session,
            me.at,
            me.actor,
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
        )
        schools = show_schools(session, [one.sending_school for one in covers])
    return {
        "covers": covers,
        "schools": schools,
        "declaration": NIL_DECLARATION,
        "statement": NIL_ACKNOWLEDGEMENT,
    }
