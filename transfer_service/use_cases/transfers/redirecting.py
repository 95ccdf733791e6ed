"""Redirecting: the same sealed items go to the same or another school as a new dispatch; the due date does not move."""

from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, DispatchItem
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import AlreadyDone, RuleForbids
from transfer_service.domain.events import Event
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import Action, Side, Status, get_transition, next_status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.drafting import LIVE, check_receiver
from transfer_service.use_cases.transfers.handing_over import (
    Keyed,
    alert_receiver,
    hand_over,
    open_signed_items,
    set_delivered,
    set_sent,
    tell_of,
)
from transfer_service.use_cases.transfers.leaves import leaf_of_signed
from transfer_service.use_cases.transfers.sending import Sent


def redirect(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    receiving_school_id: UUID,
    person_key: PersonKey,
    storage: Storage,
) -> Sent:
    """Send what was withdrawn or sent back again, as a new dispatch whose manifest is chained to the last one's.

    Nothing is encrypted anew: the items' keys are granted for the new dispatch. Raises AlreadyDone where it was
    redirected before, RuleForbids (`school_closed`, `same_school`, `still_under_way`, `already_received`), CannotOpen.
    """
    old = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING, lock=True
    )
    permissions.check(actor, permissions.permission_for(old.kind, Action.REDIRECT))
    get_transition(old.kind, old.status, Action.REDIRECT)
    queries.lock_transfer(session, old.transfer)
    _check_nothing_newer(old)
    receiving = queries.get_school(session, receiving_school_id)
    check_receiver(receiving, sending_school_id=old.transfer.sending_school_id)
    receiver = find_active_epoch(session, at, receiving.id)
    keys = open_school_keys(session, at, actor, person_key)
    items = open_signed_items(session, at, storage, keys, dispatch=old)
    new = _copy(session, at, actor, old, receiving_school_id=receiving.id, items=items)
    status = next_status(new.kind, new.status, Action.SEND, receiver_has_key=receiver is not None)
    digest = hand_over(
        session,
        at,
        actor,
        keys,
        dispatch=new,
        items=items,
        receiver=receiver,
        kind=formats.DispatchKind.REDIRECT,
        previous_hash=old.manifest_hash,
    )
    new.status = status
    set_sent(at, actor, new)
    if receiver is not None:
        set_delivered(session, at, new)
    alert_receiver(session, at, new)
    detail = tell_of(
        session, actor, new, f"sent dispatch {old.number} again, as dispatch {new.number}", previous=str(old.number)
    )
    leaf = leaf_of_signed(actor, Event.DISPATCH_REDIRECTED, new, keys, digest=digest, detail=detail)
    new.sent_leaf = record_all(session, at, [leaf])[0].idx
    return Sent(dispatch_id=new.id, status=new.status, leaf=new.sent_leaf)


def _check_nothing_newer(old: Dispatch) -> None:
    for other in old.transfer.dispatches:
        if other.previous_id == old.id:
            raise AlreadyDone("redirect", "This was already sent again. Nothing was sent twice.")
        if other.status in LIVE:
            raise RuleForbids(
                "still_under_way",
                "Another dispatch of this transfer is still under way. Finish, withdraw or discard it first.",
            )
        if other.number > old.number and other.status is Status.ACKNOWLEDGED:
            raise RuleForbids("already_received", "A later dispatch of this transfer was already acknowledged.")


def _copy(
    session: Session, at: Installation, actor: Actor, old: Dispatch, *, receiving_school_id: UUID, items: list[Keyed]
) -> Dispatch:
    """The new dispatch with the same items in the same order, still a draft until it is handed over."""
    clock = {name: basis for name, basis in (old.clock or {}).items() if name != "receiver"}
    new = Dispatch(
        id=at.new_id(),
        transfer_id=old.transfer_id,
        transfer=old.transfer,
        number=max(other.number for other in old.transfer.dispatches) + 1,
        kind=old.kind,
        status=Status.DRAFT,
        receiving_school_id=receiving_school_id,
        previous_id=old.id,
        urgent=old.urgent,
        legal_hold=old.legal_hold,
        due_on=old.due_on,
        clock=clock or None,
        withheld=old.withheld,
        statement_version=old.statement_version,
        created_at=at.now(),
        created_by=actor.person_id,
    )
    session.add(new)
    session.flush()
    session.add_all(
        DispatchItem(dispatch_id=new.id, item_id=keyed.item.id, position=position)
        for position, keyed in enumerate(items)
    )
    session.flush()
    return new
