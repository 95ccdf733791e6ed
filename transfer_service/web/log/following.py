"""The log for everybody: its page, its checkpoint, its tiles, and where witnesses hand in what they cosigned."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Response, abort, render_template, request

from transfer_service.domain.errors import NotFound, ServiceError
from transfer_service.use_cases.public_log import get_checkpoint, get_public_log, get_tile, keep_cosignatures
from transfer_service.web import access
from transfer_service.web.current import current_services
from transfer_service.web.log.frame import blueprint

TEXT: Final = "text/plain; charset=utf-8"
LARGEST_NOTE: Final = 64 * 1024
FOR_EVER: Final = "public, max-age=31536000, immutable"
ONE_MINUTE: Final = "public, max-age=60"


@blueprint.get("/log")
@access.public("the log is checked by whoever wants to; the page holds hashes and sizes alone")
def log() -> str:
    """Show the newest checkpoint, and how anybody follows the log."""
    services = current_services()
    with services.database.reading() as session:
        state = get_public_log(session, policy=services.settings.log_policy)
    return render_template("log/log.html", log=state, policy=services.settings.log_policy, base=_base())


@blueprint.get("/log/frozen")
@access.public("who cannot act must be able to read why, signed in or not")
def frozen() -> str:
    """Say what a frozen log means, for schools and for whoever operates the service."""
    services = current_services()
    with services.database.reading() as session:
        state = get_public_log(session, policy=services.settings.log_policy)
    return render_template("log/frozen.html", log=state)


@blueprint.get("/log/checkpoint")
@access.public("a signed size and hash, which says nothing about anybody")
def checkpoint() -> Response:
    """Give the newest checkpoint (C2SP tlog-checkpoint) with its cosignatures."""
    try:
        services = current_services()
        with services.database.reading() as session:
            note = get_checkpoint(session, policy=services.settings.log_policy)
    except NotFound:
        return _said("Nothing of this log has been signed yet. Ask again in a minute.", HTTPStatus.NOT_FOUND)
    return Response(note, content_type=TEXT)


@blueprint.get("/log/policy")
@access.public("names public keys; it is to be compared with the copy that came by letter, poster or mail")
def policy() -> Response:
    """Give the policy of the log (C2SP tlog-policy)."""
    text = current_services().settings.log_policy
    if not text:
        abort(HTTPStatus.NOT_FOUND)
    return Response(text, content_type=TEXT)


@blueprint.get("/log/tile/<int:level>/<path:rest>")
@access.public("hashes, from which nothing can be read")
def tile(level: int, rest: str) -> Response:
    """Give a tile of hashes (C2SP tlog-tiles) that the newest checkpoint covers."""
    try:
        with current_services().database.reading() as session:
            shown = get_tile(session, level=level, rest=rest)
    except NotFound:
        return _said("There is no such tile, or no checkpoint covers it yet.", HTTPStatus.NOT_FOUND)
    caching = FOR_EVER if shown.is_full else ONE_MINUTE
    return Response(shown.body, content_type="application/octet-stream", headers={"Cache-Control": caching})


@blueprint.post("/log/cosignatures")
@access.public("a witness proves itself by its signature, which is checked against the policy", machine=True)
def cosignatures() -> Response:
    """Take a checkpoint that a witness of the policy has cosigned, as a signed note."""
    services = current_services()
    request.max_content_length = LARGEST_NOTE
    note = request.get_data(cache=False)
    try:
        with services.database.writing() as session:
            kept = keep_cosignatures(session, services.installation, note=note, policy=services.settings.log_policy)
    except NotFound:
        return _said("There is no checkpoint of this size. Fetch the newest one and cosign that.", HTTPStatus.NOT_FOUND)
    except ServiceError as refusal:
        return _said(refusal.sentence, HTTPStatus.FORBIDDEN)
    return _said(f"size {kept.size}, new cosignatures {kept.new}", HTTPStatus.OK)


def _said(sentence: str, status: HTTPStatus) -> Response:
    return Response(sentence + "\n", status=status, content_type=TEXT)


def _base() -> str:
    return f"{current_services().settings.base_url}/log"
