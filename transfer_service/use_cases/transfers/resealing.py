"""Making a damaged item readable again, where the sending school's own copy is sound: its key is granted anew."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import ItemGrant
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import KeyMissing, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import DispatchKind, Side, Status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.handing_over import hand_over, open_signed_items, tell_of
from transfer_service.use_cases.transfers.leaves import leaf_of_signed


def reseal_grants(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, person_key: PersonKey, storage: Storage
) -> int:
    """Grant all items of a sent file to the receiver anew, by a manifest chained to the last; return its leaf.

    For a receiver who reports an item that cannot be opened because its grant is damaged. Where the sealed bytes
    themselves are damaged this raises CannotOpen: then the receiver sends the file back and the sender sends a new one
    (`drafting.draft_again`).
    """
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING, lock=True
    )
    permissions.check(actor, Permission.DISPATCH_SEND)
    if dispatch.status not in (Status.SENT, Status.OPENED) or dispatch.kind is DispatchKind.NIL:
        raise StateForbids(dispatch.status, "seal again")
    receiver = find_active_epoch(session, at, dispatch.receiving_school_id)
    if receiver is None:
        raise KeyMissing("The receiving school has no key just now, so nothing can be sealed to it. Try again later.")
    keys = open_school_keys(session, at, actor, person_key)
    items = open_signed_items(session, at, storage, keys, dispatch=dispatch)
    session.execute(
        delete(ItemGrant).where(
            ItemGrant.dispatch_id == dispatch.id, ItemGrant.recipient_id == dispatch.receiving_school_id
        )
    )
    digest = hand_over(
        session,
        at,
        actor,
        keys,
        dispatch=dispatch,
        items=items,
        receiver=receiver,
        kind=formats.DispatchKind.DELIVERY,
        previous_hash=dispatch.manifest_hash,
    )
    detail = tell_of(session, actor, dispatch, "sealed its items to the receiving school again")
    leaf = leaf_of_signed(actor, Event.ITEM_RESEALED, dispatch, keys, digest=digest, detail=detail)
    dispatch.sent_leaf = record_all(session, at, [leaf])[0].idx
    return dispatch.sent_leaf
