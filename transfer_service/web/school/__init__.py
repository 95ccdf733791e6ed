"""The pages of a school's people: recording, sending, receiving, acknowledging."""

from typing import Final

from transfer_service.web.school import (
    acknowledging,
    archiving,
    attaching,
    beginning,
    breaches,
    calendar,
    choosing,
    drafting,
    forwarding,
    home,
    inbox,
    keys,
    lists,
    notes,
    receipts,
    receiving,
    returning,
    search,
    sending,
    transfers,
)

BLUEPRINTS: Final = (
    home.blueprint,
    search.blueprint,
    beginning.blueprint,
    choosing.blueprint,
    lists.blueprint,
    transfers.blueprint,
    drafting.blueprint,
    notes.blueprint,
    attaching.blueprint,
    sending.blueprint,
    inbox.blueprint,
    receiving.blueprint,
    acknowledging.blueprint,
    receipts.blueprint,
    archiving.blueprint,
    returning.blueprint,
    forwarding.blueprint,
    breaches.blueprint,
    calendar.blueprint,
    keys.blueprint,
)
"""Every group of pages of a school."""
