"""Requests for the custodians' help: asked for a school, approved by two officers, handed to the custodians."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.recovery import ApproveRecoverySchema, AskRecoverySchema
from transfer_service.domain.custodians import OPEN_STATES, RECOVERY_STATE_LABELS, RecoveryState
from transfer_service.domain.errors import AlreadyDone, RuleForbids
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.keys import recovery as use_cases
from transfer_service.use_cases.keys.recovery import Candidate
from transfer_service.use_cases.oversight.recovery_bundles import export_for_request
from transfer_service.use_cases.oversight.scope import get_own_school
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint, errors_beside
from transfer_service.web.authority.recovery import json_file
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

_LIST: Final = "/authority/recovery"
_ASKED: Final = declare_notice(
    "recovery-asked", "The request is made. Every safeguarding lead of the authority is told. Two officers approve it."
)
_FIRST: Final = declare_notice("recovery-first-approved", "Approved. A second officer has to approve it too.")
_SECOND: Final = declare_notice(
    "recovery-approved", "Approved. Take the bundle and the receipt to three custodians on a memory stick."
)
_REFUSED: Final = declare_notice("recovery-refused", "The request is refused. Nothing is handed to the custodians.")


@blueprint.get("/recovery/schools/<urn>")
@access.requires(Permission.RECOVERY_APPROVE)
def ask_recovery(urn: str) -> str:
    """Ask for whom the custodians' help is wanted."""
    school_name, candidates = _candidates(urn)
    return render_template("authority/recovery/ask.html", form=Form(), school=school_name, candidates=candidates)


@blueprint.post("/recovery/schools/<urn>")
@access.requires(Permission.RECOVERY_APPROVE)
def recovery_asked(urn: str) -> Response | tuple[str, int]:
    """Make the request, and alarm everybody concerned."""
    school_name, candidates = _candidates(urn)
    submitted = submit(AskRecoverySchema, request.form)
    form = submitted.form
    if submitted.value is not None:
        services = current_services()
        try:
            with services.database.writing() as session:
                request_id = use_cases.request_recovery(
                    session, services.installation, current_actor(), membership_id=submitted.value.membership
                )
        except (RuleForbids, AlreadyDone) as refusal:
            form = form.with_errors({"": [refusal.sentence]})
        else:
            leave_notice(_ASKED)
            return see_other(f"{_LIST}/requests/{request_id}")
    inputs = ("membership", "understood") if candidates else ()
    return refused(
        "authority/recovery/ask.html", errors_beside(form, inputs), school=school_name, candidates=candidates
    )


@blueprint.get("/recovery/requests/<uuid:request_id>")
@access.requires(Permission.RECOVERY_APPROVE)
def recovery_request(request_id: UUID) -> str:
    """Show a request: for whom, how far it is, and what the one who looks can do."""
    return render_template("authority/recovery/request.html", form=Form(), **_shown(request_id))


@blueprint.post("/recovery/requests/<uuid:request_id>/approve")
@access.requires(Permission.RECOVERY_APPROVE)
def approve_recovery(request_id: UUID) -> Response | tuple[str, int]:
    """Approve it, as the first or the second officer."""
    submitted = submit(ApproveRecoverySchema, request.form)
    if submitted.value is None:
        return _refused(request_id, submitted.form)
    services = current_services()
    try:
        with services.database.writing() as session:
            state = use_cases.approve_recovery(session, services.installation, current_actor(), request_id=request_id)
    except RuleForbids as refusal:
        return _refused(request_id, submitted.form.with_errors({"": [refusal.sentence]}))
    leave_notice(_FIRST if state is RecoveryState.FIRST_APPROVED else _SECOND)
    return see_other(f"{_LIST}/requests/{request_id}")


@blueprint.post("/recovery/requests/<uuid:request_id>/refuse")
@access.requires(Permission.RECOVERY_APPROVE)
def refuse_recovery(request_id: UUID) -> Response:
    """Refuse it."""
    services = current_services()
    with services.database.writing() as session:
        use_cases.refuse_recovery(session, services.installation, current_actor(), request_id=request_id)
    leave_notice(_REFUSED)
    return see_other(_LIST)


@blueprint.post("/recovery/requests/<uuid:request_id>/bundle")
@access.requires(Permission.RECOVERY_APPROVE)
def recovery_bundle(request_id: UUID) -> Response:
    """Hand out the bundle for the custodians, once its leaf is committed."""
    services = current_services()
    with services.database.writing() as session:
        text = export_for_request(
            session,
            services.installation,
            current_actor(),
            request_id=request_id,
            is_demo=services.settings.is_demo,
        )
    return json_file(text, name="recovery-request.json")


@blueprint.get("/recovery/requests/<uuid:request_id>/receipt.tlog-proof")
@access.requires(Permission.RECOVERY_APPROVE)
def recovery_receipt(request_id: UUID) -> Response:
    """Hand out the receipt of the approval, on which the custodians' tool insists."""
    services = current_services()
    with services.database.reading() as session:
        proof = use_cases.make_approval_receipt(session, services.installation, current_actor(), request_id=request_id)
    response = Response(proof, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="recovery-request.tlog-proof"'
    return response


def _refused(request_id: UUID, form: Form) -> tuple[str, int]:
    """Show the request again; the form to approve is there for those who can."""
    shown = _shown(request_id)
    inputs = ("telephoned",) if shown["one"].may_approve else ()
    return refused("authority/recovery/request.html", errors_beside(form, inputs), **shown)


def _candidates(urn: str) -> tuple[str, list[Candidate]]:
    services, actor = current_services(), current_actor()
    with services.database.reading() as session:
        school = get_own_school(session, actor, urn=urn)
        return school.name, use_cases.list_candidates(session, services.installation, actor, school_id=school.id)


def _shown(request_id: UUID) -> dict[str, Any]:
    services = current_services()
    with services.database.reading() as session:
        one = use_cases.get_recovery(session, services.installation, current_actor(), request_id=request_id)
    return {
        "one": one,
        "state": RECOVERY_STATE_LABELS[one.state],
        "is_open": one.state in OPEN_STATES,
        "is_approved": one.state in (RecoveryState.APPROVED, RecoveryState.EXPORTED),
    }
