"""A file that was opened at the wrong school: the 72 hours, who saw what, and what the sending school does."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.school_pages import BreachStepsSchema
from transfer_service.domain.breaches import BREACH_STEP_LABELS
from transfer_service.domain.errors import AlreadyDone
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import REJECTION_REASON_LABELS
from transfer_service.use_cases.transfers.breaches import get_breach, tick_breach
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, read_number, read_reference, transfer_path

blueprint = Blueprint("school_breaches", __name__)
TICKED = declare_notice("breach-ticked", "What you ticked off is recorded.")
CLOSED = declare_notice("breach-closed", "Every step is done, and the record of {reference} is closed.")


@blueprint.get("/transfers/<reference>/breach")
@access.requires(Permission.BREACH_READ)
def breach(reference: str) -> str:
    """Show the record and its checklist."""
    return render_template("school/breach.html", form=Form(), **_about(read_reference(reference)))


@blueprint.post("/transfers/<reference>/breach")
@access.requires(Permission.BREACH_RECORD)
def ticked(reference: str) -> Response | tuple[str, int]:
    """Tick steps off."""
    me = acting()
    known = read_reference(reference)
    number = read_number()
    submitted = submit(BreachStepsSchema, request.form)
    if submitted.value is None:
        return refused("school/breach.html", submitted.form, **_about(known))
    try:
        with me.database.writing() as session:
            is_closed = tick_breach(
                session, me.at, me.actor, reference=known, number=number, steps=submitted.value.steps
            )
    except AlreadyDone:
        is_closed = True
    leave_notice(CLOSED if is_closed else TICKED, reference=known)
    return see_other(transfer_path(known, "breach") + (f"?number={number}" if number else ""))


def _about(reference: str) -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        record = get_breach(session, me.actor, reference=reference, number=read_number())
    left = record.report_by - me.at.now()
    hours = max(0, int(left.total_seconds() // 3600))
    return {
        "record": record,
        "hours": hours,
        "is_over": left.total_seconds() < 0,
        "reason": REJECTION_REASON_LABELS[record.reason] if record.reason else "",
        "labels": BREACH_STEP_LABELS,
        "may_tick": can(me.actor, Permission.BREACH_RECORD),
        "open_steps": tuple((step, said) for step, said in BREACH_STEP_LABELS.items() if step not in record.ticked),
    }
