"""Staying signed in: the button of the warning that a session is about to end."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, jsonify

from transfer_service.domain.errors import SessionEnded
from transfer_service.web import access
from transfer_service.web.current import current_services
from transfer_service.web.people import SignedIn
from transfer_service.web.sessions import signed_in

blueprint = Blueprint("session", __name__)


@blueprint.post("/session/extend")
@access.signed_in
def extend() -> Response:
    """Say how long the session lives now; asking has extended it, as every request does."""
    person = signed_in()
    if person is None:
        raise SessionEnded
    return jsonify(seconds_left=seconds_left(person, current_services().installation.now()))


def seconds_left(person: SignedIn, now: datetime) -> int:
    """The whole seconds until the session ends if nothing more happens; 0 where it has ended."""
    ends = min(person.expires_at, person.ends_at)
    return max(0, int((ends - now).total_seconds()))
