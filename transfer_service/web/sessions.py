"""Who is signed in: the session's cookie, and what the pages know of the person behind it.

The cookie holds 32 random bytes and nothing else. What they mean is looked up by `Services.find_session`, which the
composition root wires; flask-login asks through its request loader alone, so there is no remember cookie.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import structlog
from flask import Flask, Request, g
from flask_login import AnonymousUserMixin, LoginManager, current_user
from werkzeug.wrappers import Response

from transfer_service.web.current import current_services
from transfer_service.web.people import SignedIn

TOKEN_BYTES: Final = 32
log = structlog.stdlib.get_logger(__name__)


def register_sessions(app: Flask) -> None:
    """Let flask-login find the person behind a request by our loader alone."""
    manager = LoginManager()  # type: ignore[no-untyped-call]
    manager.session_protection = None  # type: ignore[assignment]
    manager.anonymous_user = AnonymousUserMixin
    manager.request_loader(_load)  # type: ignore[no-untyped-call]
    manager.init_app(app, add_context_processor=False)  # type: ignore[no-untyped-call]


def signed_in() -> SignedIn | None:
    """The person behind this request, or None where nobody is signed in."""
    person = current_user._get_current_object()  # noqa: SLF001 - flask-login has no public way to the value itself
    return person if isinstance(person, SignedIn) else None


def signed_in_or_unknown() -> SignedIn | None:
    """The same for a page about an error: None also where the database cannot tell."""
    try:
        return signed_in()
    except Exception:  # a page about an outage must not fail for the outage
        log.warning("session not readable", exc_info=True)
        return None


def cookie_name(*, is_https: bool) -> str:
    """The session cookie's name: browsers give `__Host-` cookies to this host over https alone."""
    return "__Host-session" if is_https else "session"


def known_browser_cookie(*, is_https: bool) -> str:
    """The name of the cookie by which a browser is known to a person who signed in with it before."""
    return "__Host-known" if is_https else "known"


def trusted_device_cookie(*, is_https: bool) -> str:
    """The name of the cookie of a device on which a person asked not to be asked for codes for 30 days."""
    return "__Host-trusted" if is_https else "trusted"


def read_session_cookie(request: Request) -> bytes | None:
    """The 32 bytes of the session's cookie, or None where it is absent or not of that shape."""
    text = request.cookies.get(cookie_name(is_https=current_services().settings.is_https))
    if not text:
        return None
    try:
        token = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return token if len(token) == TOKEN_BYTES else None


def set_session_cookie(response: Response, token: bytes) -> None:
    """Give the browser the session's 32 bytes; it forgets them when it is closed."""
    is_https = current_services().settings.is_https
    response.set_cookie(
        cookie_name(is_https=is_https),
        base64.urlsafe_b64encode(token).decode().rstrip("="),
        path="/",
        secure=is_https,
        httponly=True,
        samesite="Lax",
    )


def clear_session_cookie(response: Response) -> None:
    """Have the browser forget the session; it keeps nothing else, since every page is no-store."""
    is_https = current_services().settings.is_https
    response.delete_cookie(cookie_name(is_https=is_https), path="/", secure=is_https, httponly=True, samesite="Lax")


def _load(request: Request) -> SignedIn | None:
    token = read_session_cookie(request)
    if token is None:
        return None
    person = current_services().find_session(token, g.request_id)
    # A cookie that opens nothing is remembered for this request: its form is told "signed out", not "sign in".
    g.session_was_refused = person is None
    return person
