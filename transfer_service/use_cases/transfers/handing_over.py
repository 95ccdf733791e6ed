"""What sending, delivering and redirecting have in common: the cover, the receiver's grants, the signed manifest."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.crypto import formats
from transfer_service.crypto.cover import COVER_MEDIA_TYPE, COVER_NAME
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, Item, Person
from transfer_service.db.queries import transfers as queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.calendars import local_day
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.roles import Actor
from transfer_service.domain.transfer import DISPATCH_KIND_LABELS
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.calendars import get_receiver_due
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, get_own_epoch
from transfer_service.use_cases.keys.public_keys import PublicEpoch
from transfer_service.use_cases.transfers.leaves import say_roles, say_school
from transfer_service.use_cases.transfers.manifests import sign_manifest, verify_manifest
from transfer_service.use_cases.transfers.pupils import make_cover
from transfer_service.use_cases.transfers.revisions import check_listed
from transfer_service.use_cases.transfers.sealing import grant, open_tried_key, place_item, seal_row


@dataclass(frozen=True, slots=True)
class Keyed:
    """An item with its key, opened by the school that sealed it."""

    item: Item
    data_key: DataKey


def open_own_items(
    session: Session, at: Installation, storage: Storage, keys: SchoolKeys, *, dispatch: Dispatch
) -> list[Keyed]:
    """Open the keys of everything that the sending school sealed into a dispatch, in order, the cover included.

    Each key is tried, so that damage is found before anything leaves. Raises CannotOpen.
    """
    grants = queries.list_grants(session, dispatch_id=dispatch.id, recipient_id=keys.school_id)
    items = [place.item for place in queries.list_items(session, dispatch_id=dispatch.id, sealed_by=keys.school_id)]
    return [
        Keyed(item, open_tried_key(at, storage, keys, dispatch=dispatch, item=item, grants=grants.get(item.id, [])))
        for item in items
    ]


def open_signed_items(
    session: Session, at: Installation, storage: Storage, keys: SchoolKeys, *, dispatch: Dispatch
) -> list[Keyed]:
    """Open the keys of what was sent before, where all of it is what the sending school signed; raises CannotOpen."""
    manifest = verify_manifest(session, at, dispatch)
    items = open_own_items(session, at, storage, keys, dispatch=dispatch)
    check_listed(session, at, manifest, [keyed.item for keyed in items])
    return items


def seal_cover(session: Session, at: Installation, actor: Actor, *, dispatch: Dispatch) -> Keyed:
    """Seal the pupil, the dates and the kind as they stand in the columns now; `hand_over` grants it."""
    sealed = seal_row(
        at,
        actor,
        transfer_id=dispatch.transfer_id,
        sender_id=dispatch.transfer.sending_school_id,
        kind=ItemKind.COVER,
        name=COVER_NAME,
        media_type=COVER_MEDIA_TYPE,
        body=make_cover(at, dispatch.transfer).encode(),
    )
    place_item(session, dispatch, sealed.item, queries.next_position(session, dispatch_id=dispatch.id))
    return Keyed(sealed.item, sealed.data_key)


def hand_over(
    session: Session,
    at: Installation,
    actor: Actor,
    keys: SchoolKeys,
    *,
    dispatch: Dispatch,
    items: Sequence[Keyed],
    receiver: PublicEpoch | None,
    kind: formats.DispatchKind,
    previous_hash: bytes | None = None,
) -> bytes:
    """Grant every item to both schools' epochs of now and sign the manifest; return the manifest's hash.

    Without `receiver` the sending school alone can open it. Exactly one of `items` is the cover. A grant that is there
    already stays: a draft may have been begun under an epoch that was replaced since.
    """
    own = get_own_epoch(session, at, keys)
    recipients = [epoch for epoch in (own, receiver) if epoch is not None]
    for epoch in recipients:
        grant_all(session, at, actor, dispatch=dispatch, items=items, epoch=epoch)
    cover = next((keyed.item for keyed in items if keyed.item.kind is ItemKind.COVER), None)
    if cover is None:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    return sign_manifest(
        at,
        dispatch=dispatch,
        kind=kind,
        previous_hash=previous_hash,
        cover=cover,
        items=[keyed.item for keyed in items if keyed.item.kind is not ItemKind.COVER],
        signer=keys.active,
        recipients=recipients,
    )


def grant_all(
    session: Session, at: Installation, actor: Actor, *, dispatch: Dispatch, items: Sequence[Keyed], epoch: PublicEpoch
) -> None:
    """Grant every item of a dispatch to one school's epoch; a grant that is there already stays."""
    granted = queries.list_grants(session, dispatch_id=dispatch.id, recipient_id=epoch.school_id)
    for keyed in items:
        if any(row.epoch == epoch.number for row in granted.get(keyed.item.id, [])):
            continue
        grant(
            session,
            at,
            actor,
            dispatch=dispatch,
            item=keyed.item,
            data_key=keyed.data_key,
            recipient_id=epoch.school_id,
            epoch=epoch,
        )


def set_sent(at: Installation, actor: Actor, dispatch: Dispatch) -> None:
    """Stop the sender's clock."""
    dispatch.sent_at = at.now()
    dispatch.sent_by = actor.person_id


def set_delivered(session: Session, at: Installation, dispatch: Dispatch) -> None:
    """Start the receiver's clock: the receiving school can open it now."""
    now = at.now()
    due = get_receiver_due(
        session,
        local_day(now),
        sending=queries.get_school(session, dispatch.transfer.sending_school_id),
        receiving=queries.get_school(session, dispatch.receiving_school_id),
    )
    dispatch.delivered_at = now
    dispatch.receiver_due_on = due.on
    dispatch.clock = {**(dispatch.clock or {}), "receiver": due.basis.to_mapping()}


def alert_receiver(session: Session, at: Installation, dispatch: Dispatch) -> None:
    """Tell the receiving school that something came, or that something waits for its key: then its authority too."""
    if dispatch.delivered_at is not None:
        alert_school(session, at, AlertKind.DISPATCH_ARRIVED, dispatch.receiving_school_id, dispatch=dispatch)
        return
    receiving = queries.get_school(session, dispatch.receiving_school_id)
    alert_school(session, at, AlertKind.KEY_WANTED, receiving.id, dispatch=dispatch)
    alert_authority(session, at, AlertKind.KEY_WANTED, receiving.authority_id, dispatch=dispatch)


def tell_of(session: Session, actor: Actor, dispatch: Dispatch, did: str, **facts: str) -> dict[str, object]:
    """What a receipt says of an act: who did what, in which role, from which school to which. No pupil is named."""
    sending = queries.get_school(session, dispatch.transfer.sending_school_id)
    receiving = queries.get_school(session, dispatch.receiving_school_id)
    person = session.get_one(Person, actor.person_id)
    what = DISPATCH_KIND_LABELS[dispatch.kind].lower()
    whose = sending if actor.organisation_id == sending.id else receiving
    return tell(
        f"{person.name}, {say_roles(actor)} at {whose.name}, {did}.",
        f"It is the {what} of transfer {dispatch.transfer.reference}, dispatch {dispatch.number}.",
        f"Sending school: {say_school(sending)}.",
        f"Receiving school: {say_school(receiving)}.",
        reference=dispatch.transfer.reference,
        dispatch=str(dispatch.number),
        kind=dispatch.kind.value,
        person=person.name,
        role=say_roles(actor),
        sending_school=say_school(sending),
        receiving_school=say_school(receiving),
        **facts,
    )
