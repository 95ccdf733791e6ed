"""A line on the next page that says what was just done ("The file was sent").

What travels in the cookie is the notice's name and, where the notice has one, a transfer's reference: the words stand
in the code, so that no name of a pupil can get into a cookie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import session

from transfer_service.domain.references import parse_reference

COOKIE_KEY: Final = "notice"
_NOTICES: Final[dict[str, Notice]] = {}


@dataclass(frozen=True, slots=True)
class Notice:
    """What a page says once: `text` may contain `{reference}`; `success` shows it in green with "Success"."""

    name: str
    text: str
    success: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice with its words put together."""

    text: str
    success: bool


def declare_notice(name: str, text: str, *, success: bool = True) -> Notice:
    """Make a notice known; call it at the top of the module that leaves it. Raises ValueError for a name in use."""
    notice = Notice(name, text, success)
    if _NOTICES.setdefault(name, notice) != notice:
        raise ValueError(f"there is a notice called {name} already: give this one another name")
    return notice


def leave_notice(notice: Notice, *, reference: str | None = None) -> None:
    """Have the next page show the notice, once. Raises ValueError for a reference that is none."""
    parsed = parse_reference(reference) if reference is not None else ""
    if parsed is None:
        raise ValueError("a notice carries a transfer’s reference, such as PT-7F3K-92Q4, and nothing else")
    session[COOKIE_KEY] = [notice.name, parsed]


def take_notice() -> Shown | None:
    """The notice left for this page, which is then gone; None where there is none or it is no longer known."""
    if COOKIE_KEY not in session:
        return None
    name, reference = session.pop(COOKIE_KEY)
    notice = _NOTICES.get(name)
    if notice is None:
        return None
    return Shown(notice.text.format(reference=reference), notice.success)
