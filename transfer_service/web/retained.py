"""What somebody typed into a form that could not be acted on, so that an error page loses none of it.

It is given back in the answer to the same browser only, only where the browser says that our own page sent it, and
never with a password or code: those must be typed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from flask import current_app, request
from werkzeug.exceptions import HTTPException

from transfer_service.web.addresses import safe_path
from transfer_service.web.guard import current_access
from transfer_service.web.sessions import read_session_cookie
from transfer_service.web.uploads import name_files

SECRET_FIELD: Final = re.compile(r"password|passphrase|secret|(^|_)code$")
MOST_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class RetainedForm:
    """A form to send again: where to, and its fields in order, without the token."""

    action: str
    fields: tuple[tuple[str, str], ...]


def retained_form() -> RetainedForm | None:
    """The form of this request, where it may be shown again; None for uploads, secrets and other sites' pages."""
    access = current_access(current_app)
    if request.method != "POST" or access is None or access.streamed or not _sent_by_our_page():
        return None
    if request.mimetype != "application/x-www-form-urlencoded":
        return None
    try:
        pairs = tuple((name, value) for name, value in request.form.items(multi=True) if name != "csrf_token")
    except HTTPException:
        return None  # too large to be read, and so to be shown again
    if len(pairs) > MOST_FIELDS or any(SECRET_FIELD.search(name) for name, _ in pairs):
        return None
    return RetainedForm(action=safe_path(request.full_path.rstrip("?")), fields=pairs)


def chosen_files() -> tuple[str, ...]:
    """The names of the files that somebody had chosen on our own page; the files themselves must be chosen again."""
    access = current_access(current_app)
    if request.method != "POST" or access is None or read_session_cookie(request) is None or not _sent_by_our_page():
        return ()
    return name_files(request)


def _sent_by_our_page() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin", "") == request.host_url.rstrip("/")
