"""Tokens against forged forms: every request that changes something must show one that this browser was given.

The token is flask-wtf's, signed under a key that is derived from the session's cookie, so that it is worth nothing in
another session. It comes by header or query, or in the form; a streamed upload is checked before its body is read,
since reading the body to look for a token would spool it to a file in clear.

Beside the token stands the place that the person acted for when the page was made. Who belongs to two schools and
chose the other one in another tab must not record or send for it what the page showed for the first.
"""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import Final

from flask import Flask, abort, current_app, g, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from transfer_service.domain.errors import ServiceError
from transfer_service.web.guard import SAFE_METHODS, current_access
from transfer_service.web.sessions import read_session_cookie, signed_in_or_unknown

FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"
MOST_FIELDS: Final = 400
"""The largest form of ours has some 60; Werkzeug counts the parts of multipart forms alone."""
_BETWEEN: Final = "~"


class FormOutOfDate(ServiceError):
    """The form was made for another session, or by somebody else's page."""

    def __init__(self) -> None:
        super().__init__(
            "The page you sent was out of date, for example because you signed in again, or chose another school to "
            "act for, after you opened it. Nothing was changed."
        )


def register_csrf(app: Flask, *, is_https: bool) -> None:
    """Check the token before every request that changes something. Register it after the guard, which comes first."""
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session that its key is derived from
        # Flask's own session holds the token's random half and a notice's name, nothing about a person.
        SESSION_COOKIE_NAME="__Host-form" if is_https else "form",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    app.before_request(_check)
    app.jinja_env.globals[FIELD] = csrf_token


def csrf_token() -> str:
    """The token for a form on the page being made."""
    token: str = generate_csrf(secret_key=_key(), token_key=FIELD)  # type: ignore[no-untyped-call]
    return f"{token}{_BETWEEN}{_place()}"


def _check() -> None:
    access = current_access(current_app)
    if access is None or request.method in SAFE_METHODS or access.machine:
        return
    shown = request.headers.get(HEADER) or request.args.get(FIELD)
    if not access.streamed:
        _check_size()
        shown = shown or request.form.get(FIELD)
    token, _, place = (shown or "").partition(_BETWEEN)
    if access.permission is not None and not hmac.compare_digest(place.encode(), _place().encode()):
        raise FormOutOfDate
    try:
        validate_csrf(token, secret_key=_key(), token_key=FIELD)  # type: ignore[no-untyped-call]
    except ValidationError as error:
        raise FormOutOfDate from error
    g.token_fits = True


def _check_size() -> None:
    """Refuse a form of very many fields: each would be judged and named on the page that refuses it."""
    if sum(len(values) for _, values in request.form.lists()) > MOST_FIELDS:
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _key() -> str:
    secret = str(current_app.secret_key).encode()
    cookie = read_session_cookie(request) or b""
    return hmac.new(secret, b"form-token" + cookie, hashlib.sha256).hexdigest()


def _place() -> str:
    """Say for which place the person of this request acts, in a form that tells nobody which it is."""
    person = signed_in_or_unknown()
    acting_for = f"{person.actor.organisation_kind}/{person.actor.organisation_id}" if person else ""
    return hmac.new(_key().encode(), acting_for.encode(), hashlib.sha256).hexdigest()[:16]
