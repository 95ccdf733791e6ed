"""What a browser keeps between sign-ins, and what a sign-in learns from it.

A mark says that a person signed in here before, and silences one mail; it lets nobody in. The token of a trusted
device stands in for the one-time code for 30 days, where the person's roles allow it.
"""

from __future__ import annotations

from typing import Final

from flask import request
from werkzeug.wrappers import Response

from transfer_service.use_cases.people.devices import TRUST_LASTS, Device
from transfer_service.use_cases.people.session_keys import StartedSession
from transfer_service.web.current import current_services
from transfer_service.web.sessions import known_browser_cookie, set_session_cookie, trusted_device_cookie

MOST_MARKS: Final = 8
"""So many people share one browser before the one who signed in longest ago is taken for new."""
MARK_LENGTH: Final = 32
MARK_LASTS: Final = 365 * 24 * 60 * 60

# The order counts: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "Chromebook"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def this_device() -> Device:
    """The browser of this request."""
    is_https = current_services().settings.is_https
    return Device(
        address=request.remote_addr or "unknown",
        label=say_browser(request.headers.get("User-Agent", "")),
        marks=_marks(is_https=is_https),
        trusted=request.cookies.get(trusted_device_cookie(is_https=is_https)),
    )


def say_browser(agent: str) -> str:
    """A browser in the words of its owner, such as Firefox on Windows, from what it calls itself."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "A browser")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return f"{browser} on {system}" if system else browser


def keep_session(response: Response, started: StartedSession) -> None:
    """Give the browser the cookie of a session, and what makes the next sign-in shorter."""
    is_https = current_services().settings.is_https
    set_session_cookie(response, started.cookie)
    if started.device_mark is not None:
        marks = [started.device_mark, *(one for one in _marks(is_https=is_https) if one != started.device_mark)]
        _keep(response, known_browser_cookie(is_https=is_https), ".".join(marks[:MOST_MARKS]), lasts=MARK_LASTS)
    if started.trusted_device is not None:
        lasts = int(TRUST_LASTS.total_seconds())
        _keep(response, trusted_device_cookie(is_https=is_https), started.trusted_device, lasts=lasts)


def _marks(*, is_https: bool) -> tuple[str, ...]:
    kept = request.cookies.get(known_browser_cookie(is_https=is_https), "")
    return tuple(one for one in kept.split(".")[:MOST_MARKS] if len(one) == MARK_LENGTH and one.isascii())


def _keep(response: Response, name: str, value: str, *, lasts: int) -> None:
    is_https = current_services().settings.is_https
    response.set_cookie(name, value, max_age=lasts, path="/", secure=is_https, httponly=True, samesite="Lax")
