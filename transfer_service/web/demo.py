"""Pages that only a demonstration has: how everybody signs in, with the one-time codes of now, and the caught mails.

Anybody who reaches them may see them: a demonstration listens on its own machine and holds nothing real. They are
not registered anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol, cast

from flask import Blueprint, abort, current_app, jsonify, render_template, request
from werkzeug.wrappers import Response

from transfer_service.use_cases.people.one_time_codes import STEP_SECONDS, code_at
from transfer_service.web import access
from transfer_service.web.current import current_services

EXTENSION: Final = "transfer_service_demo"
SHOWN: Final = 50

blueprint = Blueprint("demo", __name__)


class Person(Protocol):
    """Somebody of the demonstration, as the page shows them."""

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str: ...

    @property
    def totp_secret(self) -> str: ...

    @property
    def role_label(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def organisation(self) -> str: ...

    @property
    def waits(self) -> bool: ...


class Mail(Protocol):
    """A mail that was caught."""

    @property
    def name(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def recipient(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoParts:
    """What the pages show, wired in `app`."""

    list_people: Callable[[], Sequence[Person]]
    list_mails: Callable[[str | None], Sequence[Mail]]
    """All mails, or those to one address, the newest first."""
    find_mail: Callable[[str], Mail | None]


@blueprint.get("/demo")
@access.public("a demonstration’s sign-ins guard nothing real, and whoever tries it out needs them before signing in")
def people() -> str:
    """Show how everybody signs in, with the codes of now."""
    now = current_services().installation.now()
    places: dict[str, list[tuple[Person, str]]] = {}
    for one in _parts().list_people():
        places.setdefault(one.organisation, []).append((one, code_at(one.totp_secret, now)))
    return render_template("demo/people.html", places=places, seconds=STEP_SECONDS)


@blueprint.get("/demo/codes")
@access.public("as the page of sign-ins, which asks for the next codes here")
def codes() -> Response:
    """Give the codes of now by address, and for how many seconds an app would show them."""
    now = current_services().installation.now()
    shown = {one.email: code_at(one.totp_secret, now) for one in _parts().list_people()}
    return jsonify(codes=shown, seconds=STEP_SECONDS - int(now.timestamp()) % STEP_SECONDS)


@blueprint.get("/demo/alerts")
@access.public("the mails of a demonstration name nobody and are about nothing real")
def alerts() -> str:
    """List the mails that would have gone out, the newest first."""
    to = request.args.get("to") or None
    mails = _parts().list_mails(to)
    addresses = [one.email for one in _parts().list_people()]
    return render_template("demo/alerts.html", mails=mails[:SHOWN], count=len(mails), to=to or "", addresses=addresses)


@blueprint.get("/demo/alerts/<name>")
@access.public("as the list of mails")
def alert(name: str) -> str:
    """Show one mail as it would have arrived."""
    mail = _parts().find_mail(name)
    if mail is None:
        abort(HTTPStatus.NOT_FOUND)
    return render_template("demo/alert.html", mail=mail)


def _parts() -> DemoParts:
    return cast(DemoParts, current_app.extensions[EXTENSION])
