"""Delivering what waited for the receiving school's key: by itself, when somebody of the sending school is unlocked."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto import formats
from transfer_service.db.models import Dispatch
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import Action, Side, Status, next_status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.handing_over import (
    alert_receiver,
    grant_all,
    hand_over,
    open_signed_items,
    set_delivered,
    tell_of,
)
from transfer_service.use_cases.transfers.leaves import leaf_of_signed
from transfer_service.use_cases.transfers.unopened import report_failure

AT_ONCE = 20
_UNDELIVERED = frozenset({Status.WAITING, Status.SENT, Status.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many dispatches were delivered, and how many of those looked at could not be."""

    delivered: int
    failed: int


def find_deliverable(session: Session, actor: Actor) -> tuple[UUID, ...]:
    """Find what the actor's school could deliver now; one indexed query, for every page load. Empty for most people."""
    if not permissions.can(actor, Permission.DISPATCH_SEND):
        return ()
    return tuple(queries.list_undelivered_ids(session, sending_school_id=school_of(actor), limit=AT_ONCE))


def deliver_waiting(
    session: Session, at: Installation, actor: Actor, keys: SchoolKeys, *, storage: Storage
) -> Delivery:
    """Deliver what waits for schools that have a key now: grant every item, and chain a delivery manifest.

    At most twenty at a time; the next page load goes on. One that cannot be opened stays as it is, with a leaf and an
    alert the first time, and keeps nothing else back.
    """
    leaves, failed = [], 0
    sent: list[Dispatch] = []
    for dispatch_id in find_deliverable(session, actor):
        dispatch = queries.get_dispatch(
            session, dispatch_id=dispatch_id, school_id=keys.school_id, side=Side.SENDING, lock=True
        )
        if dispatch.delivered_at is not None or dispatch.status not in _UNDELIVERED:
            continue  # somebody else was quicker
        try:
            digest = _deliver(session, at, actor, keys, dispatch=dispatch, storage=storage)
        except CannotOpen as failure:
            failed += 1
            leaves += report_failure(session, at, actor, dispatch, failure, once=True)
            continue
        if digest is None:
            continue
        leaves.append(_leaf(session, actor, keys, dispatch=dispatch, digest=digest))
        sent.append(dispatch)
    positions = record_all(session, at, leaves)
    by_dispatch = {entry.leaf.dispatch: at_ for entry, at_ in zip(leaves, positions, strict=True)}
    for dispatch in sent:
        if dispatch.status is not Status.ACKNOWLEDGED:
            dispatch.sent_leaf = by_dispatch[dispatch.id].idx
    return Delivery(delivered=len(sent), failed=failed)


def _deliver(
    session: Session, at: Installation, actor: Actor, keys: SchoolKeys, *, dispatch: Dispatch, storage: Storage
) -> bytes | None:
    """Deliver one dispatch and return its new manifest's hash; None where the receiver has no key after all."""
    receiver = find_active_epoch(session, at, dispatch.receiving_school_id)
    if receiver is None:
        return None
    # Everything is opened before anything is written: a damaged item must leave no half-made grants.
    items = open_signed_items(session, at, storage, keys, dispatch=dispatch)
    if dispatch.status is Status.ACKNOWLEDGED:
        # The receipt names the manifest: that one stays, and the new key is granted what it lists.
        grant_all(session, at, actor, dispatch=dispatch, items=items, epoch=receiver)
        dispatch.delivered_at = at.now()
        return dispatch.manifest_hash
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
    if dispatch.status is Status.WAITING:
        dispatch.status = next_status(dispatch.kind, dispatch.status, Action.DELIVER)
    set_delivered(session, at, dispatch)
    alert_receiver(session, at, dispatch)
    alert_school(session, at, AlertKind.DISPATCH_DELIVERED, keys.school_id, dispatch=dispatch)
    return digest


def _leaf(session: Session, actor: Actor, keys: SchoolKeys, *, dispatch: Dispatch, digest: bytes) -> Entry:
    """The leaf of one delivery; of an acknowledged file only its keys were granted again."""
    again = dispatch.status is Status.ACKNOWLEDGED
    did = "delivered it once the receiving school had a key"
    if again:
        did = "sealed it to the receiving school’s new key"
    event = Event.ITEM_GRANTED if again else Event.DISPATCH_DELIVERED
    return leaf_of_signed(actor, event, dispatch, keys, digest=digest, detail=tell_of(session, actor, dispatch, did))
