"""Which pages are linked from every page, by what the person may do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from flask import Flask

from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import Actor


@dataclass(frozen=True, slots=True)
class Place:
    """A link of the navigation, for those who hold any of `permissions`; empty means every signed-in person."""

    text: str
    address: str
    permissions: tuple[Permission, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A link as the page shows it: `current` on its own page, `active` on a page below it."""

    text: str
    address: str
    current: bool
    active: bool


PLACES: Final = (
    Place("Home", "/"),
    Place("New transfer", "/transfers/new", (Permission.PUPIL_RECORD,)),
    Place("Inbox", "/inbox", (Permission.COVER_READ,)),
    Place("Compliance", "/authority", (Permission.COMPLIANCE_READ,)),
    Place("Audit", "/authority/audit", (Permission.AUDIT_READ,)),
    Place("People", "/people", (Permission.PEOPLE_LIST,)),
    Place("Account", "/account"),
)
FOOTER: Final = (
    Place("Check a receipt", "/verify"),
    Place("Accessibility", "/accessibility"),
    Place("Privacy", "/privacy"),
    Place("Cookies", "/cookies"),
)


class Navigation:
    """The links of one application: only addresses that it has, so that no link leads nowhere."""

    def __init__(self, app: Flask) -> None:
        """Take the application; its addresses are read at the first page, when all are registered."""
        self._app = app

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(rule.rule for rule in self._app.url_map.iter_rules())

    @cached_property
    def footer(self) -> tuple[Place, ...]:
        """The links at the foot of every page."""
        return tuple(place for place in FOOTER if place.address in self._addresses)

    def items_for(self, actor: Actor | None, path: str) -> tuple[Item, ...]:
        """The links for this actor on the page at `path`; none for somebody who is not signed in."""
        if actor is None:
            return ()
        shown = [
            place
            for place in PLACES
            if place.address in self._addresses
            and (not place.permissions or any(can(actor, permission) for permission in place.permissions))
        ]
        # The longest address that the path begins with is the one we are in: /authority/audit is not /authority.
        within = [place.address for place in shown if path == place.address or path.startswith(place.address + "/")]
        nearest = max(within, key=len, default=None)
        return tuple(
            Item(place.text, place.address, current=path == place.address, active=place.address == nearest)
            for place in shown
        )
