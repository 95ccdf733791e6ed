"""A legal hold on a transfer: who holds it, setting it for a reason, and lifting it."""

from __future__ import annotations

from typing import Final

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.authority import SetHoldSchema
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Basis
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.legal_holds import HoldStanding, get_hold, lift_hold, set_hold
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint, tidy_reference
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

HOLD_BASES: Final = {
    Basis.COURT_ORDER: "A court order, or proceedings that are expected",
    Basis.CASE_ENQUIRY: "An inquiry or a case review",
    Basis.COMPLAINT: "A complaint",
    Basis.DATA_PROTECTION_REQUEST: "A data protection request",
}
_SET: Final = declare_notice("hold-set", "Nothing of {reference} is shredded until your authority lifts the hold.")
_LIFTED: Final = declare_notice("hold-lifted", "Your authority’s legal hold on {reference} is lifted.")


@blueprint.get("/transfers/<reference>/hold")
@access.requires(Permission.LEGAL_HOLD_SET)
def hold(reference: str) -> str:
    """Show who holds the transfer, with the form to set or lift a hold."""
    return render_template("authority/hold.html", form=Form(), standing=_standing(reference), bases=HOLD_BASES)


@blueprint.post("/transfers/<reference>/hold")
@access.requires(Permission.LEGAL_HOLD_SET)
def hold_set(reference: str) -> Response | tuple[str, int]:
    """Set the hold."""
    submitted = submit(SetHoldSchema, request.form)
    if submitted.value is None:
        return _refused(reference, submitted.form)
    services = current_services()
    try:
        with services.database.writing() as session:
            known = set_hold(
                session,
                services.installation,
                current_actor(),
                reference=tidy_reference(reference),
                basis=submitted.value.basis,
            )
    except RuleForbids as refusal:
        return _refused(reference, submitted.form.with_errors({"": [refusal.sentence]}))
    leave_notice(_SET, reference=known)
    return see_other(f"/authority/transfers/{known}")


@blueprint.post("/transfers/<reference>/hold/lift")
@access.requires(Permission.LEGAL_HOLD_SET)
def hold_lifted(reference: str) -> Response | tuple[str, int]:
    """Lift the hold of the actor's authority."""
    services = current_services()
    try:
        with services.database.writing() as session:
            known = lift_hold(session, services.installation, current_actor(), reference=tidy_reference(reference))
    except RuleForbids as refusal:
        return _refused(reference, Form().with_errors({"": [refusal.sentence]}))
    leave_notice(_LIFTED, reference=known)
    return see_other(f"/authority/transfers/{known}")


def _standing(reference: str) -> HoldStanding:
    with current_services().database.reading() as session:
        return get_hold(session, current_actor(), reference=tidy_reference(reference))


def _refused(reference: str, form: Form) -> tuple[str, int]:
    return refused("authority/hold.html", form, standing=_standing(reference), bases=HOLD_BASES)
