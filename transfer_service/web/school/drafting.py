"""A draft before anything is in it: file or nil, the pupil and the move corrected, urgency, and discarding it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.school_pages import (
    FileOrNil,
    MarkedUrgentSchema,
    WhatIsHeldSchema,
)
from schemas.transfers import MoveSchema, PupilSchema, ReceivingSchoolSchema
from transfer_service.domain.errors import Invalid
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS, Side, TransferKind
from transfer_service.use_cases.transfers.drafting import change_move, change_pupil, discard_draft
from transfer_service.use_cases.transfers.moves import MoveDates
from transfer_service.use_cases.transfers.pupils import Pupil
from transfer_service.use_cases.transfers.viewing import TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.beginning import check_move, doubts_about
from transfer_service.web.school.choosing import look_at_receiver, problem_with, search_context
from transfer_service.web.school.transfers import get_newest

blueprint = Blueprint("school_drafting", __name__)
CHANGED = declare_notice("transfer-changed", "The change to transfer {reference} is saved.")
DISCARDED = declare_notice("draft-discarded", "The draft was discarded. Nothing of it is kept.")


@blueprint.get("/transfers/<reference>/held")
@access.requires(Permission.DISPATCH_DRAFT)
def held(reference: str) -> str:
    """Ask whether there is a file or nothing."""
    view, _ = get_newest(reference, side=Side.SENDING)
    return render_template("school/draft/held.html", form=Form(), view=view)


@blueprint.post("/transfers/<reference>/held")
@access.requires(Permission.DISPATCH_DRAFT)
def held_said(reference: str) -> Response | tuple[str, int]:
    """Lead to the file or to the nil declaration."""
    view, _ = get_newest(reference, side=Side.SENDING)
    submitted = submit(WhatIsHeldSchema, request.form)
    if submitted.value is None:
        return refused("school/draft/held.html", submitted.form, view=view)
    return see_other(transfer_path(view.reference, *(("nil",) if submitted.value.held is FileOrNil.NIL else ())))


@blueprint.get("/transfers/<reference>/pupil")
@access.requires(Permission.PUPIL_RECORD)
def pupil(reference: str) -> str:
    """Show who moves, to be corrected while nothing was sent."""
    view, _ = get_newest(reference, side=Side.SENDING)
    who = view.pupil
    shown: dict[str, Any] = {}
    if who is not None:
        shown = {name: getattr(who, name) for name in ("forename", "surname", "date_of_birth", "upn")}
    return render_template("school/draft/pupil.html", form=filled(shown), view=view, doubts=[])


@blueprint.post("/transfers/<reference>/pupil")
@access.requires(Permission.PUPIL_RECORD)
def pupil_corrected(reference: str) -> Response | tuple[str, int]:
    """Take the correction; a UPN that looks wrong is asked about on the same page."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    submitted = submit(PupilSchema, request.form)
    entered = submitted.value
    if entered is None:
        return refused("school/draft/pupil.html", submitted.form, view=view, doubts=[])
    try:
        with me.database.writing() as session:
            change_pupil(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                pupil=Pupil(
                    forename=entered.forename,
                    surname=entered.surname,
                    date_of_birth=entered.date_of_birth,
                    upn=entered.upn,
                ),
                upn_confirmed=entered.upn_confirmed,
            )
    except Invalid as refusal:
        form = submitted.form.with_errors(refusal.fields)
        return refused("school/draft/pupil.html", form, view=view, doubts=doubts_about(entered.upn))
    leave_notice(CHANGED, reference=view.reference)
    return see_other(transfer_path(view.reference))


@blueprint.get("/transfers/<reference>/move")
@access.requires(Permission.PUPIL_RECORD)
def move(reference: str) -> str:
    """Show the kind of move and its days, to be corrected while nothing was sent."""
    view, _ = get_newest(reference, side=Side.SENDING)
    names = ("kind", "leaving_on", "starts_on", "destination_confirmed_on")
    form = filled({name: getattr(view, name) for name in names})
    return render_template("school/draft/move.html", form=form, view=view, kinds=tuple(TRANSFER_KIND_LABELS.items()))


@blueprint.post("/transfers/<reference>/move")
@access.requires(Permission.PUPIL_RECORD)
def move_corrected(reference: str) -> Response | tuple[str, int]:
    """Take the correction; the due date is counted again."""
    view, _ = get_newest(reference, side=Side.SENDING)
    submitted = submit(MoveSchema, request.form)
    taken = submitted.value
    context = {"view": view, "kinds": tuple(TRANSFER_KIND_LABELS.items())}
    if taken is None:
        return refused("school/draft/move.html", submitted.form, **context)
    try:
        check_move(taken, born_on=view.pupil.date_of_birth if view.pupil else date.min)
    except Invalid as refusal:
        return refused("school/draft/move.html", submitted.form.with_errors(refusal.fields), **context)
    dates = MoveDates(
        leaving_on=taken.leaving_on,
        starts_on=taken.starts_on,
        destination_confirmed_on=taken.destination_confirmed_on,
    )
    return _change(view, kind=taken.kind, dates=dates)


@blueprint.get("/transfers/<reference>/school")
@access.requires(Permission.PUPIL_RECORD)
def school(reference: str) -> str:
    """Search for another receiving school while nothing was sent."""
    view, _ = get_newest(reference, side=Side.SENDING)
    return render_template("school/draft/school.html", form=Form(), view=view, **search_context())


@blueprint.post("/transfers/<reference>/school")
@access.requires(Permission.PUPIL_RECORD)
def school_changed(reference: str) -> Response | tuple[str, int]:
    """Take the other school."""
    view, _ = get_newest(reference, side=Side.SENDING)
    submitted = submit(ReceivingSchoolSchema, request.form)
    context = {**search_context(), "view": view}
    if submitted.value is None:
        return refused("school/draft/school.html", submitted.form, **context)
    try:
        receiver = look_at_receiver(submitted.value.receiving_school)
    except Invalid as refusal:
        return refused("school/draft/school.html", submitted.form.with_errors(refusal.fields), **context)
    if problem := problem_with(receiver):
        form = Form().with_errors({"receiving_school": [problem]})
        return refused("school/draft/school.html", form, **{**context, "successors": receiver.successors})
    return _change(view, receiving_school_id=receiver.school.id)


@blueprint.get("/transfers/<reference>/urgent")
@access.requires(Permission.DISPATCH_DRAFT)
def urgent(reference: str) -> str:
    """Ask whether the receiving school should see it first."""
    view, newest = get_newest(reference, side=Side.SENDING)
    return render_template("school/draft/urgent.html", form=filled({"urgent": newest.urgent}), view=view)


@blueprint.post("/transfers/<reference>/urgent")
@access.requires(Permission.DISPATCH_DRAFT)
def urgent_said(reference: str) -> Response | tuple[str, int]:
    """Take the mark."""
    view, _ = get_newest(reference, side=Side.SENDING)
    submitted = submit(MarkedUrgentSchema, request.form)
    if submitted.value is None:
        return refused("school/draft/urgent.html", submitted.form, view=view)
    return _change(view, urgent=submitted.value.urgent)


@blueprint.get("/transfers/<reference>/discard")
@access.requires(Permission.DISPATCH_DRAFT)
def discard(reference: str) -> str:
    """Ask whether the draft is to go."""
    view, newest = get_newest(reference, side=Side.SENDING)
    return render_template("school/draft/discard.html", view=view, newest=newest)


@blueprint.post("/transfers/<reference>/discard")
@access.requires(Permission.DISPATCH_DRAFT)
def discarded(reference: str) -> Response:
    """Delete the draft with all that was sealed for it."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    with me.database.writing() as session:
        blobs = discard_draft(session, me.at, me.actor, dispatch_id=newest.dispatch_id)
    for blob in blobs:
        me.equipment.storage.delete(blob)
    leave_notice(DISCARDED)
    return see_other(transfer_path(view.reference) if len(view.dispatches) > 1 else "/transfers")


def _change(view: TransferView, **changes: Any) -> Response:
    """Write one corrected answer with the others as they are."""
    me = acting()
    newest = view.dispatches[-1]
    answers: dict[str, Any] = {
        "kind": TransferKind(view.kind),
        "dates": MoveDates(
            leaving_on=view.leaving_on,
            starts_on=view.starts_on,
            destination_confirmed_on=view.destination_confirmed_on,
        ),
        "receiving_school_id": newest.receiving_school.id,
        "urgent": newest.urgent,
        **changes,
    }
    with me.database.writing() as session:
        change_move(session, me.at, me.actor, dispatch_id=newest.dispatch_id, **answers)
    leave_notice(CHANGED, reference=view.reference)
    return see_other(transfer_path(view.reference))
