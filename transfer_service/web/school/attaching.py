"""The attachments of a draft: sealed as they arrive, several at once, each refused by its place in the choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, make_response, render_template, request
from werkzeug.wrappers import Response

from transfer_service.domain.errors import Invalid, ServiceError, TooLarge
from transfer_service.domain.notes import size_bucket_label
from transfer_service.domain.permissions import Permission
from transfer_service.domain.uploads import MEDIA_TYPES
from transfer_service.use_cases.transfers.attaching import (
    abandon_upload,
    begin_attachment,
    finish_attachment,
    seal_upload,
)
from transfer_service.use_cases.transfers.viewing import DispatchView, TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.contents import read_contents
from transfer_service.web.school.notes import get_draft
from transfer_service.web.uploads import Arriving, arriving_files

blueprint = Blueprint("school_attaching", __name__)
ATTACHED = declare_notice("attachments-sealed", "The attachments are sealed and saved in the draft.")
FILE_FIELD = "files"
MOST_AT_ONCE = 10
ROOM_FOR_HEADERS = 64 * 1024


@dataclass(slots=True)
class Outcome:
    """What came of an upload: how many files were sealed, and what was said of each refused one, by its place."""

    sealed: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What to tell, beginning with nothing having been chosen."""
        if not self.sealed and not self.refused:
            return ["Choose at least one file"]
        return self.refused


@blueprint.get("/transfers/<reference>/attachments")
@access.requires(Permission.NOTES_SEAL)
def attachments(reference: str) -> str:
    """Show the attachments of the draft, and ask for more."""
    view, newest = get_draft(reference)
    return render_template("school/draft/attachments.html", form=Form(), **_about(view, newest))


@blueprint.post("/transfers/<reference>/attachments")
@access.requires(Permission.NOTES_SEAL, streamed=True)
def attached(reference: str) -> Response:
    """Seal the files as they arrive. Those that are taken stay, also where another is refused."""
    view, newest = get_draft(reference)
    request.max_content_length = MOST_AT_ONCE * current_services().settings.max_attachment_bytes + ROOM_FOR_HEADERS
    outcome = _take(newest)
    wants_json = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html") != "text/html"
    path = transfer_path(view.reference, "attachments")
    if not outcome.problems:
        leave_notice(ATTACHED)
        return make_response(jsonify(next=path)) if wants_json else see_other(path)
    if wants_json:
        more = f" {_say_sealed(outcome.sealed)}." if outcome.sealed else ""
        body = jsonify(
            type="about:blank",
            title="A file cannot be used",
            status=HTTPStatus.UNPROCESSABLE_ENTITY.value,
            detail=". ".join(outcome.problems) + "." + more,
            sealed=outcome.sealed,
        )
        body.mimetype = "application/problem+json"
        return make_response(body, HTTPStatus.UNPROCESSABLE_ENTITY)
    form = Form().with_errors({FILE_FIELD: outcome.problems})
    page = render_template("school/draft/attachments.html", form=form, **_about(view, newest))
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY)


def _say_sealed(count: int) -> str:
    return "The other file is sealed and in the list" if count == 1 else f"{count} files are sealed and in the list"


def _take(newest: DispatchView) -> Outcome:
    outcome = Outcome()
    for place, arriving in enumerate(arriving_files(request, FILE_FIELD), start=1):
        if place > MOST_AT_ONCE:
            outcome.refused.append(f"Choose at most {MOST_AT_ONCE} files at once. File {place} was left out")
            continue
        try:
            _seal(newest, arriving)
        except Invalid as refusal:
            outcome.refused += [f"File {place}: {said}" for texts in refusal.fields.values() for said in texts]
        except TooLarge as refusal:
            outcome.refused.append(f"File {place}: {refusal.sentence.rstrip('.')}")
        else:
            outcome.sealed += 1
    return outcome


def _seal(newest: DispatchView, arriving: Arriving) -> None:
    me = acting()
    limit = current_services().settings.max_attachment_bytes
    with me.database.reading() as session:
        plan = begin_attachment(session, me.at, me.actor, dispatch_id=newest.dispatch_id, limit=limit)
    upload = seal_upload(me.at, me.equipment.storage, plan, name=arriving.name, chunks=arriving.chunks)
    try:
        with me.database.writing() as session:
            finish_attachment(session, me.at, me.actor, upload)
    except ServiceError:
        # Only where it is certain that there is no row. A connection that is lost while committing leaves that open:
        # the blob of a row must not go, and one without a row is swept a day later.
        abandon_upload(me.equipment.storage, upload)
        raise


def _about(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    return {
        "view": view,
        "attachments": read_contents(newest.dispatch_id).attachments,
        "size": size_bucket_label,
        "accept": ",".join(f".{ending}" for ending in MEDIA_TYPES),
        "megabytes": current_services().settings.max_attachment_bytes // (1024 * 1024),
        "most": MOST_AT_ONCE,
    }
