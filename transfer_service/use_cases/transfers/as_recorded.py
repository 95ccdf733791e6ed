"""Whether a draft still holds what the log recorded when it was sealed: nobody else's signature vouches for it yet.

Whoever can write the database can seal something of their own to a school's public key. Before the school signs it as
its own, each note and attachment is compared with the leaf of its sealing, and none may be missing.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Dispatch, Item
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.use_cases.transfers.leaves import list_logged

_SEALING = (Event.NOTE_SEALED, Event.ATTACHMENT_SEALED)
_COMPARED = frozenset({ItemKind.NOTE, ItemKind.ATTACHMENT})


def check_as_recorded(session: Session, dispatch: Dispatch, items: Iterable[Item]) -> None:
    """Raise RuleForbids (`not_as_recorded`) where a note or attachment of a draft is not the one that was sealed.

    What is forwarded is left out: the manifest of the school that sealed it vouches for it.
    """
    held = {
        item.id: item.content_digest
        for item in items
        if item.transfer_id == dispatch.transfer_id and item.kind in _COMPARED
    }
    if held != _recorded(session, dispatch):
        raise RuleForbids(
            "not_as_recorded",
            "What is in this draft is not what the log recorded when it was sealed. Somebody may have changed the "
            "database: tell the administrator of this service at once. Discard the draft and begin again.",
        )


def _recorded(session: Session, dispatch: Dispatch) -> dict[UUID, bytes | None]:
    """What was sealed into a draft and not removed again, with the newest digest of each."""
    found: dict[UUID, bytes | None] = {}
    for leaf in list_logged(session, dispatch.transfer_id, [*_SEALING, Event.ITEM_REMOVED]):
        said = leaf.said
        if said.dispatch != dispatch.id or said.item is None:
            continue
        if said.event in _SEALING:
            found[said.item] = said.digest
        else:
            found.pop(said.item, None)
    return found
