"""Taking an item out of a draft, with all that was made for it."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant
from transfer_service.domain.errors import Conflict


def delete_place(session: Session, place: DispatchItem) -> str | None:
    """Delete an item of a draft with its grants; return the key of its stored bytes, if it has some.

    What another school sealed for an earlier transfer stays with that one, and only leaves the draft.
    """
    item = place.item
    draft = session.get_one(Dispatch, place.dispatch_id)
    if draft.previous_id is not None and item.transfer_id != draft.transfer_id:
        session.execute(
            delete(ItemGrant).where(ItemGrant.item_id == item.id, ItemGrant.dispatch_id == place.dispatch_id)
        )
        session.delete(place)
        session.flush()
        return None
    elsewhere = select(DispatchItem.item_id).where(
        DispatchItem.item_id == item.id, DispatchItem.dispatch_id != place.dispatch_id
    )
    if session.scalar(elsewhere) is not None:
        raise Conflict
    session.execute(delete(ItemGrant).where(ItemGrant.item_id == item.id))
    session.execute(
        delete(DispatchItem).where(DispatchItem.item_id == item.id, DispatchItem.dispatch_id == place.dispatch_id)
    )
    session.execute(delete(Item).where(Item.id == item.id))
    return item.blob_key
