"""A transfer's entries of the log to take away, each with its proof."""

from __future__ import annotations

from flask import Response

from transfer_service.domain.permissions import Permission
from transfer_service.interchange.proof_archive import build_proof_archive
from transfer_service.use_cases.oversight.entry_export import export_entries, record_entry_export
from transfer_service.web import access
from transfer_service.web.authority.frame import blueprint, tidy_reference
from transfer_service.web.current import current_actor, current_services


@blueprint.get("/audit/transfers/<reference>/entries.zip")
@access.requires(Permission.AUDIT_READ)
def entries(reference: str) -> Response:
    """Hand out the entries with their proofs; the export is in the log first."""
    services, actor = current_services(), current_actor()
    tidied = tidy_reference(reference)
    with services.database.writing() as session:
        look = record_entry_export(session, services.installation, actor, reference=tidied)
    with services.database.reading() as session:
        policy = services.settings.log_policy
        made = export_entries(session, actor, look=look, reference=tidied, policy=policy)
    body = build_proof_archive(
        reference=tidied,
        proofs=((one.idx, one.proof) for one in made.entries),
        unsigned=made.unsigned,
        unwitnessed=made.unwitnessed,
    )
    headers = {"Content-Disposition": f'attachment; filename="{tidied}-log-entries.zip"'}
    return Response(body, content_type="application/zip", headers=headers)
