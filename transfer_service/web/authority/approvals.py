"""Approving a school's first safeguarding lead: telephone the school first, then decide."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.oversight import RefuseApprovalSchema
from schemas.people import ApproveFirstDslSchema
from transfer_service.domain.oversight import APPROVAL_REFUSAL_LABELS
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import ROLE_LABELS
from transfer_service.use_cases.oversight import approvals as use_cases
from transfer_service.use_cases.oversight.approvals import WaitingApproval
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

_LIST: Final = "/authority/approvals"
_APPROVED: Final = declare_notice(
    "first-dsl-approved", "Approved. The school’s key is made when the safeguarding lead signs in next."
)
_REFUSED: Final = declare_notice("first-dsl-refused", "Refused. The person is told by email and cannot open anything.")


@blueprint.get("/approvals")
@access.requires(Permission.FIRST_DSL_APPROVE)
def approvals() -> str:
    """List who waits, the longest wait first, with the school's number from the national register."""
    services = current_services()
    with services.database.reading() as session:
        waiting = use_cases.list_approvals(session, services.installation, current_actor())
    return render_template("authority/approvals.html", waiting=waiting, role_labels=ROLE_LABELS)


@blueprint.get("/approvals/<uuid:membership_id>")
@access.requires(Permission.FIRST_DSL_APPROVE)
def approval(membership_id: UUID) -> str:
    """Show what to ask on the telephone, and the form to approve."""
    return render_template("authority/approve.html", one=_get(membership_id), form=Form(), role_labels=ROLE_LABELS)


@blueprint.post("/approvals/<uuid:membership_id>")
@access.requires(Permission.FIRST_DSL_APPROVE)
def approve(membership_id: UUID) -> Response | tuple[str, int]:
    """Approve the safeguarding lead."""
    submitted = submit(ApproveFirstDslSchema, request.form)
    if submitted.value is None:
        one = _get(membership_id)
        return refused("authority/approve.html", submitted.form, one=one, role_labels=ROLE_LABELS)
    services = current_services()
    with services.database.writing() as session:
        use_cases.approve_first_dsl(
            session,
            services.installation,
            current_actor(),
            membership_id=membership_id,
            spoke_with=submitted.value.spoke_with,
        )
    leave_notice(_APPROVED)
    return see_other(_LIST)


@blueprint.get("/approvals/<uuid:membership_id>/refuse")
@access.requires(Permission.FIRST_DSL_APPROVE)
def ask_refusal(membership_id: UUID) -> str:
    """Ask why the person is refused."""
    return render_template(
        "authority/refuse.html",
        one=_get(membership_id),
        form=Form(),
        reasons=list(APPROVAL_REFUSAL_LABELS.items()),
    )


@blueprint.post("/approvals/<uuid:membership_id>/refuse")
@access.requires(Permission.FIRST_DSL_APPROVE)
def refuse(membership_id: UUID) -> Response | tuple[str, int]:
    """Refuse the person: the role ends."""
    submitted = submit(RefuseApprovalSchema, request.form)
    if submitted.value is None:
        reasons = list(APPROVAL_REFUSAL_LABELS.items())
        return refused("authority/refuse.html", submitted.form, one=_get(membership_id), reasons=reasons)
    services = current_services()
    with services.database.writing() as session:
        use_cases.refuse_first_dsl(
            session,
            services.installation,
            current_actor(),
            membership_id=membership_id,
            reason=submitted.value.reason,
            spoke_with=submitted.value.spoke_with,
        )
    leave_notice(_REFUSED)
    return see_other(_LIST)


def _get(membership_id: UUID) -> WaitingApproval:
    services = current_services()
    with services.database.reading() as session:
        return use_cases.get_approval(session, services.installation, current_actor(), membership_id=membership_id)
