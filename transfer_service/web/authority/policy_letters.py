"""The letter to a school about whose signatures on receipts it can believe."""

from __future__ import annotations

from flask import Response

from transfer_service.domain.permissions import Permission
from transfer_service.reports.facts import SchoolFacts
from transfer_service.reports.policy_letter import PolicyLetterFacts, policy_letter_pdf
from transfer_service.use_cases.oversight.policy_letters import record_policy_letter, write_policy_letter
from transfer_service.web import access
from transfer_service.web.authority.frame import blueprint
from transfer_service.web.current import current_actor, current_services


@blueprint.get("/schools/<urn>/log-letter.pdf")
@access.requires(Permission.AUDIT_READ)
def policy_letter(urn: str) -> Response:
    """Hand out the letter to be printed and posted; that it was printed is in the log first."""
    services, actor = current_services(), current_actor()
    settings = services.settings
    with services.database.writing() as session:
        look = record_policy_letter(session, services.installation, actor, urn=urn, policy=settings.log_policy)
    with services.database.reading() as session:
        told = write_policy_letter(session, actor, look=look, urn=urn, policy=settings.log_policy)
    school = told.school
    body = policy_letter_pdf(
        PolicyLetterFacts(
            school=SchoolFacts(name=school.name, town=school.town, authority=school.authority, urn=school.urn),
            authority=school.authority,
            base_url=settings.base_url,
            origin=told.origin,
            policy=settings.log_policy,
            witnesses=told.witnesses,
            quorum=told.quorum,
            size=told.size,
            root=told.root,
            made_at=services.installation.now(),
        )
    )
    headers = {"Content-Disposition": f'attachment; filename="log-letter-{school.urn}.pdf"'}
    return Response(body, content_type="application/pdf", headers=headers)
