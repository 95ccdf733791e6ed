"""Handing on a file that this school received, when the pupil moves to the next school."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.forwarding import ForwardSchema
from transfer_service.domain.errors import CannotOpen, Invalid, RuleForbids, StateForbids
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS, Side
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.forwarding import forward_file
from transfer_service.use_cases.transfers.moves import MoveDates
from transfer_service.use_cases.transfers.viewing import TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.choosing import look_at_receiver, problem_with, search_context
from transfer_service.web.school.transfers import get_newest

blueprint = Blueprint("school_forwarding", __name__)
BEGUN = declare_notice(
    "forward-begun", "{reference} holds what you received. Add what your own school knows, then check and send it."
)


@blueprint.get("/transfers/<reference>/forward")
@access.requires(Permission.DISPATCH_FORWARD)
def forwarding(reference: str) -> str:
    """Ask for the next school and the move."""
    view, _ = get_newest(reference, side=Side.RECEIVING)
    context = _about(view)
    form = filled({"receiving_school": context["found"][0].urn}) if len(context["found"]) == 1 else Form()
    return render_template("school/forward.html", form=form, **context)


@blueprint.post("/transfers/<reference>/forward")
@access.requires(Permission.DISPATCH_FORWARD)
def forwarded(reference: str) -> Response | tuple[str, int]:
    """Begin the draft with the same sealed items, and lead to it."""
    me = acting()
    view, newest = get_newest(reference, side=Side.RECEIVING)
    submitted = submit(ForwardSchema, request.form)
    context, taken = _about(view), submitted.value
    if taken is None:
        return refused("school/forward.html", submitted.form, **context)
    try:
        receiver = look_at_receiver(taken.receiving_school)
        if problem := problem_with(receiver):
            form = submitted.form.with_errors({"receiving_school": [problem]})
            return refused("school/forward.html", form, **{**context, "successors": receiver.successors})
        with me.database.writing() as session:
            draft = forward_file(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                receiving_school_id=receiver.school.id,
                kind=taken.kind,
                dates=MoveDates(
                    leaving_on=taken.leaving_on,
                    starts_on=taken.starts_on,
                    destination_confirmed_on=taken.destination_confirmed_on,
                ),
                person_key=open_person_key(session, me.at, cookie=me.cookie),
                storage=me.equipment.storage,
            )
            begun = draft.transfer.reference
    except Invalid as refusal:
        return refused("school/forward.html", submitted.form.with_errors(refusal.fields), **context)
    except (RuleForbids, StateForbids, CannotOpen) as refusal:
        return refused("school/forward.html", submitted.form.with_errors({"": [refusal.sentence]}), **context)
    leave_notice(BEGUN, reference=begun)
    return see_other(transfer_path(begun))


def _about(view: TransferView) -> dict[str, Any]:
    return {"view": view, "kinds": tuple(TRANSFER_KIND_LABELS.items()), **search_context()}
