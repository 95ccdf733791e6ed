"""What the pages of accounts and people share: who acts, and where to go next."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from flask import request
from werkzeug.wrappers import Response

from transfer_service.domain.errors import SessionEnded
from transfer_service.use_cases.people.sessions import LiveSession, load_session
from transfer_service.web.addresses import safe_path, see_other
from transfer_service.web.current import current_services
from transfer_service.web.people import SignedIn
from transfer_service.web.sessions import signed_in

ARRIVE = "/arrive"
CONFIRM_PASSWORD = "/confirm-password"  # noqa: S105 - a path


def person_here() -> SignedIn:
    """The person of this request; raises SessionEnded where nobody is signed in."""
    person = signed_in()
    if person is None:
        raise SessionEnded
    return person


def live_session() -> LiveSession:
    """All that is known of the person's session; raises SessionEnded."""
    services = current_services()
    with services.database.reading() as session:
        live = load_session(session, services.installation, cookie=person_here().token)
    if live is None:
        raise SessionEnded
    return live


def wanted() -> str:
    """The page of this service that this request asks to be led to at the end."""
    return safe_path(request.args.get("next"))


def with_next(address: str, path: str, **more: str) -> str:
    """An address that leads on to `path` when its own business is done."""
    asked: Mapping[str, str] = {**({"next": path} if path != "/" else {}), **more}
    query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in asked.items())
    return f"{address}?{query}" if query else address


def needs_password(live: LiveSession) -> Response | None:
    """Lead to the page that asks for the password again, where an act that needs it would be refused by now."""
    if live.password_good_until > current_services().installation.now():
        return None
    return see_other(with_next(CONFIRM_PASSWORD, safe_path(request.full_path.rstrip("?"))))
