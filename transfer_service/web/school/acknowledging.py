"""Acknowledging a file, and stating that it is in the school's own system."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.dispatches import AcknowledgeSchema
from schemas.school_pages import FiledSchema
from transfer_service.domain.errors import AlreadyDone, NotFound, RuleForbids
from transfer_service.domain.permissions import Permission
from transfer_service.domain.statements import ACKNOWLEDGEMENT, FILING_CONFIRMATION
from transfer_service.domain.transfer import DispatchKind, Side, Status
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.acknowledging import acknowledge, confirm_filed
from transfer_service.use_cases.transfers.viewing import DispatchView, TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.transfers import get_newest

blueprint = Blueprint("school_acknowledging", __name__)
ACKNOWLEDGED = declare_notice(
    "file-acknowledged", "You have acknowledged the file {reference}. The sending school is told."
)
FILED = declare_notice("file-filed", "It is recorded that the file {reference} is in your school’s own system.")
FILED_BEFORE = declare_notice("filed-before", "This was already recorded for {reference}.", success=False)


@blueprint.get("/transfers/<reference>/acknowledge")
@access.requires(Permission.RECEIPT_ACKNOWLEDGE)
def statement(reference: str) -> Response | str:
    """Show the statement, word for word as it is signed."""
    view, newest = get_newest(reference, side=Side.RECEIVING)
    if newest.kind is DispatchKind.NIL:
        return see_other(transfer_path(view.reference, "cover"))
    if newest.status is not Status.OPENED:
        return see_other(transfer_path(view.reference))
    return render_template("school/acknowledge.html", form=Form(), **_about(view, newest))


@blueprint.post("/transfers/<reference>/acknowledge")
@access.requires(Permission.RECEIPT_ACKNOWLEDGE)
def stated(reference: str) -> Response | tuple[str, int]:
    """Sign for the school; acknowledging again leads to the same receipt."""
    me = acting()
    view, newest = get_newest(reference, side=Side.RECEIVING)
    submitted = submit(AcknowledgeSchema, request.form)
    said = submitted.value
    if said is None:
        return refused("school/acknowledge.html", submitted.form, **_about(view, newest))
    try:
        with me.database.writing() as session:
            done = acknowledge(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                person_key=open_person_key(session, me.at, cookie=me.cookie),
                storage=me.equipment.storage,
                statement_version=said.statement_version,
                senco_told=said.senco_told,
                key_staff_told=said.key_staff_told,
            )
    except RuleForbids as refusal:
        form = submitted.form.with_errors({"": [refusal.sentence]})
        return refused("school/acknowledge.html", form, **_about(view, newest))
    if not done.again:
        leave_notice(ACKNOWLEDGED, reference=view.reference)
    return see_other(transfer_path(view.reference, "receipt"))


@blueprint.get("/transfers/<reference>/filed")
@access.requires(Permission.FILING_CONFIRM)
def filing(reference: str) -> str:
    """Ask whether the file is in the school's own system: first the archive, then the statement."""
    view, newest = _acknowledged(reference)
    return render_template("school/filed.html", form=Form(), **_about_filing(view, newest))


@blueprint.post("/transfers/<reference>/filed")
@access.requires(Permission.FILING_CONFIRM)
def filed(reference: str) -> Response | tuple[str, int]:
    """Record the statement."""
    me = acting()
    view, newest = _acknowledged(reference)
    if newest.filed_at is not None:
        leave_notice(FILED_BEFORE, reference=view.reference)
        return see_other(transfer_path(view.reference))
    submitted = submit(FiledSchema, request.form)
    if submitted.value is None:
        return refused("school/filed.html", submitted.form, **_about_filing(view, newest))
    try:
        with me.database.writing() as session:
            confirm_filed(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                statement_version=submitted.value.statement_version,
            )
    except AlreadyDone:
        leave_notice(FILED_BEFORE, reference=view.reference)
    except RuleForbids as refusal:
        form = submitted.form.with_errors({"": [refusal.sentence]})
        return refused("school/filed.html", form, **_about_filing(view, newest))
    else:
        leave_notice(FILED, reference=view.reference)
    return see_other(transfer_path(view.reference))


def _acknowledged(reference: str) -> tuple[TransferView, DispatchView]:
    view, newest = get_newest(reference, side=Side.RECEIVING)
    if newest.kind is DispatchKind.NIL or newest.status is not Status.ACKNOWLEDGED:
        raise NotFound("page")
    return view, newest


def _about(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        schools = show_schools(session, [view.sending_school])
    return {
        "view": view,
        "newest": newest,
        "sending_school": schools[view.sending_school.id],
        "statement": ACKNOWLEDGEMENT,
    }


def _about_filing(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    return {"view": view, "newest": newest, "statement": FILING_CONFIRMATION}
