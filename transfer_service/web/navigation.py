"""Which pages are linked from every page, by what the person may do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from flask import Flask

from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import Actor, OrganisationKind


@dataclass(frozen=True, slots=True)
class Place:
    """A link of the navigation, for those who have `permission` and act for an organisation of one of `kinds`.

    Without a permission it is for everybody who is signed in at such an organisation.
    """

    text: str
    address: str
    permission: Permission | None = None
    kinds: tuple[OrganisationKind, ...] = tuple(OrganisationKind)

    def is_for(self, actor: Actor) -> bool:
        """Whether this actor may use what the link leads to."""
        return actor.organisation_kind in self.kinds and (self.permission is None or can(actor, self.permission))


@dataclass(frozen=True, slots=True)
class Item:
    """A link as the page shows it: `current` on its own page, `active` on a page below it."""

    text: str
    address: str
    current: bool
    active: bool


_AUTHORITY: Final = (OrganisationKind.AUTHORITY,)
_OTHERS: Final = (OrganisationKind.SCHOOL, OrganisationKind.INSTALLATION)

PLACES: Final = (
    Place("Home", "/", kinds=_OTHERS),
    Place("New transfer", "/transfers/new", Permission.PUPIL_RECORD),
    Place("Inbox", "/inbox", Permission.COVER_READ),
    Place("Transfers", "/transfers", Permission.TRANSFER_LIST),
    Place("People", "/people", Permission.PEOPLE_LIST, _OTHERS),
    Place("Compliance", "/authority", Permission.COMPLIANCE_READ, _AUTHORITY),
    Place("Approvals", "/authority/approvals", Permission.FIRST_DSL_APPROVE, _AUTHORITY),
    Place("People", "/authority/people", Permission.FIRST_DSL_APPROVE, _AUTHORITY),
    Place("Recovery key", "/authority/recovery", Permission.CUSTODIANS_EDIT, _AUTHORITY),
    Place("Audit", "/authority/audit", Permission.AUDIT_READ, _AUTHORITY),
    Place("Alerts", "/authority/alerts", Permission.ALERTS_READ, _AUTHORITY),
    Place("Calendar", "/authority/calendar", Permission.AUTHORITY_CALENDAR_EDIT, _AUTHORITY),
    Place("Settings", "/authority/settings", Permission.AUTHORITY_SETTINGS_EDIT, _AUTHORITY),
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
        shown = [place for place in PLACES if place.address in self._addresses and place.is_for(actor)]
        # The longest address that the path begins with is the one we are in: /authority/audit is not /authority.
        within = [place.address for place in shown if path == place.address or path.startswith(place.address + "/")]
        nearest = max(within, key=len, default=None)
        return tuple(
            Item(place.text, place.address, current=path == place.address, active=place.address == nearest)
            for place in shown
        )
