"""What every page of a school needs: who acts, with what, and on which transfer."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import request

from transfer_service.db.session import Database
from transfer_service.domain.errors import NotFound, SessionEnded
from transfer_service.domain.references import parse_reference
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.equipment import Equipment
from transfer_service.use_cases.installation import Installation
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.sessions import signed_in


@dataclass(frozen=True, slots=True)
class Acting:
    """The person of this request with what use cases are given. `cookie` unwraps the person's key."""

    actor: Actor
    at: Installation
    database: Database
    equipment: Equipment
    cookie: bytes = field(repr=False)


def acting() -> Acting:
    """Who acts in this request; raises SessionEnded where nobody is signed in."""
    person = signed_in()
    if person is None:
        raise SessionEnded
    services = current_services()
    return Acting(
        actor=current_actor(),
        at=services.installation,
        database=services.database,
        equipment=services.equipment,
        cookie=person.token,
    )


def read_reference(text: str) -> str:
    """The reference in an address as it is written properly; raises NotFound where it is none."""
    reference = parse_reference(text)
    if reference is None:
        raise NotFound("transfer")
    return reference


def transfer_path(reference: str, *parts: str) -> str:
    """The address of a transfer's page, or of one below it."""
    return "/".join(("/transfers", reference, *parts))


def read_number() -> int | None:
    """Which dispatch of a transfer the address asks for; None for the newest."""
    text = request.args.get("number", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else None
