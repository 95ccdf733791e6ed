"""Finding a school while typing. Without scripts the pages that ask for a school search by themselves."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.directory import find_schools
from transfer_service.web import access
from transfer_service.web.school.acting import acting

LONGEST_QUERY = 200
blueprint = Blueprint("school_search", __name__)


@blueprint.get("/schools/suggestions")
@access.requires(Permission.PUPIL_RECORD)
def suggestions() -> Response:
    """Answer what was typed with at most twenty schools: the URN to send, the line to show."""
    me = acting()
    with me.database.reading() as session:
        found = find_schools(session, me.actor, text=request.args.get("q", "")[:LONGEST_QUERY])
    return jsonify([{"value": school.urn, "text": school.line} for school in found])
