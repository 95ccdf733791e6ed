"""Every file that is overdue at the authority's schools, the longest first."""

from __future__ import annotations

from http import HTTPStatus

from flask import render_template, request

from schemas.oversight import SchoolFilter, SchoolFilterSchema
from transfer_service.domain.deadlines import NEVER_AFTER_DAYS
from transfer_service.domain.oversight import Box
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import DISPATCH_KIND_LABELS
from transfer_service.use_cases.oversight.overdue import list_overdue, look_at_overdue
from transfer_service.web import access
from transfer_service.web.authority.frame import blueprint
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import submit


@blueprint.get("/overdue")
@access.requires(Permission.COMPLIANCE_READ)
def overdue() -> tuple[str, int]:
    """List what is not sent, or what is not acknowledged, a page at a time."""
    submitted = submit(SchoolFilterSchema, request.args)
    asked = submitted.value or SchoolFilter()
    box = asked.box or Box.SENT
    services, actor = current_services(), current_actor()
    at = services.installation
    with services.database.writing() as session:
        look = look_at_overdue(session, at, actor)
    with services.database.reading() as session:
        found = list_overdue(session, at, actor, look=look, box=box, after=asked.after)
    page = render_template(
        "authority/overdue.html",
        found=found,
        box=box,
        never_after=NEVER_AFTER_DAYS,
        kind_labels=DISPATCH_KIND_LABELS,
        next_address=f"?box={box.value}&after={found.next_after}" if found.next_after else "",
    )
    return page, HTTPStatus.OK if submitted.value else HTTPStatus.UNPROCESSABLE_ENTITY
