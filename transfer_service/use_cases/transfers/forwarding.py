"""Forwarding: a school that received a file hands it to the next school that the pupil joins.

The same sealed items go on, with the signature of the school that sealed them; nothing is encrypted anew. They begin a
transfer of the forwarding school as a draft, to which it adds its own notes before it sends it as any other file.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, DispatchItem
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import CannotOpen, OpeningFailure, RuleForbids, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import DispatchKind, Side, Status, TransferKind
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, get_own_epoch, open_school_keys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.drafting import create_transfer
from transfer_service.use_cases.transfers.handing_over import Keyed, grant_all, tell_of
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.moves import MoveDates
from transfer_service.use_cases.transfers.pupils import CONFIRMED_UPN, open_pupil
from transfer_service.use_cases.transfers.sealing import open_tried_key
from transfer_service.use_cases.transfers.unsealing import Sealed, load_sealed, open_cover


def forward_file(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    receiving_school_id: UUID,
    kind: TransferKind,
    dates: MoveDates,
    person_key: PersonKey,
    storage: Storage,
) -> Dispatch:
    """Begin a transfer of the actor's school with what it received, as a draft to the next school; return the draft.

    Only an acknowledged file goes on: the school stated that it has all of it. Raises StateForbids otherwise and once
    it was shredded, RuleForbids (`nil`, `school_closed`, `same_school`), Invalid for the dates, KeyMissing, CannotOpen.
    """
    old = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.RECEIVING, lock=True
    )
    permissions.check(actor, Permission.DISPATCH_FORWARD)
    _check_may_go_on(old)
    keys = open_school_keys(session, at, actor, person_key)
    sealed = load_sealed(session, at, old, keys)
    manifest, _ = open_cover(session, at, storage, sealed)
    listed = {item.item for item in manifest.items}
    items = _open_keys(at, storage, sealed, listed)
    new = create_transfer(
        session,
        at,
        actor,
        pupil=open_pupil(at, old.transfer),
        kind=kind,
        dates=dates,
        receiving_school_id=receiving_school_id,
        upn_confirmed=old.transfer.upn_choice == CONFIRMED_UPN,
    )
    new.previous_id = old.id
    new.withheld = old.withheld
    session.add_all(
        DispatchItem(dispatch_id=new.id, item_id=keyed.item.id, position=position)
        for position, keyed in enumerate(items)
    )
    session.flush()
    _grant(session, at, actor, keys, dispatch=new, items=items)
    did = f"began to forward dispatch {old.number} of transfer {old.transfer.reference}"
    detail = tell_of(session, actor, new, did, items=str(len(items)), origin=old.transfer.reference)
    record_all(session, at, [leaf_of(actor, Event.DISPATCH_FORWARDED, new, digest=old.manifest_hash, detail=detail)])
    return new


def _check_may_go_on(old: Dispatch) -> None:
    if old.kind is DispatchKind.NIL:
        raise RuleForbids(
            "nil",
            "A nil declaration has no contents to forward. Record a new transfer, and say what your own school holds.",
        )
    if old.status is not Status.ACKNOWLEDGED:
        raise StateForbids(old.status, "forward", "Acknowledge the file first. Then you can forward it.")
    if old.shredded_at is not None:
        raise StateForbids(
            "shredded",
            "forward",
            "The contents were shredded when their time was over. Send your school’s own copy as a new transfer.",
        )


def _open_keys(at: Installation, storage: Storage, sealed: Sealed, listed: set[UUID]) -> list[Keyed]:
    """Open the keys of what the manifest lists, in order, each tried."""
    opened = []
    for item in (place.item for place in sealed.places):
        if item.kind is ItemKind.COVER or item.id not in listed:
            continue
        grants = sealed.grants.get(item.id, ())
        data_key = open_tried_key(at, storage, sealed.keys, dispatch=sealed.dispatch, item=item, grants=grants)
        opened.append(Keyed(item, data_key))
    if len(opened) != len(listed):
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    return opened


def _grant(
    session: Session, at: Installation, actor: Actor, keys: SchoolKeys, *, dispatch: Dispatch, items: list[Keyed]
) -> None:
    own = get_own_epoch(session, at, keys)
    grant_all(session, at, actor, dispatch=dispatch, items=items, epoch=own)
