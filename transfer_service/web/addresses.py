"""Leading a browser on: to addresses inside the service alone, and after an act so that it is not done twice."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from flask import Request, redirect
from werkzeug.wrappers import Response

# One slash, then no second slash or backslash: "//host" and "/\host" leave the service in a browser.
LOCAL_PATH: Final = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~?&=%+-]{0,500}")
SIGN_IN: Final = "/sign-in"


def safe_path(text: str | None, default: str = "/") -> str:
    """The path and query inside this service that `text` names, else `default`."""
    return text if text and LOCAL_PATH.fullmatch(text) else default


def sign_in_address(request: Request) -> str:
    """The sign-in page, which leads back to what this request asked for, where that was a page."""
    wanted = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else ""
    path = safe_path(wanted)
    return SIGN_IN if path == "/" else f"{SIGN_IN}?next={quote(path, safe='/')}"


def see_other(address: str) -> Response:
    """Lead to another page by a GET, so that reloading it does nothing twice."""
    return redirect(address, HTTPStatus.SEE_OTHER)
