"""Items and their keys: sealing, granting to a school, and opening with a school's keys. Rows in, bytes out.

Every item has a data key of its own. A school gets at it by a grant for one dispatch, so that redirecting grants the
same items again and encrypts nothing anew (docs/keys.md, rule 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.items import (
    ExpectedItem,
    ItemFacts,
    OpenedItem,
    check_commitment,
    grant_item,
    open_item,
    open_item_grant,
    seal_item,
)
from transfer_service.crypto.sealing import HEADER_LENGTH
from transfer_service.crypto.suites import PublicKey
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.roles import Actor
from transfer_service.storage.blobs import Storage
from transfer_service.storage.errors import BlobMissing
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.keys.public_keys import PublicEpoch
from transfer_service.use_cases.transfers.failures import said_plainly

_KINDS: Mapping[ItemKind, formats.ItemKind] = {
    ItemKind.COVER: formats.ItemKind.COVER,
    ItemKind.NOTE: formats.ItemKind.NOTE,
    ItemKind.ATTACHMENT: formats.ItemKind.ATTACHMENT,
    ItemKind.REMARK: formats.ItemKind.MESSAGE,
}


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A new item's row and the key under which it was sealed."""

    item: Item
    data_key: DataKey


def context_of(
    at: Installation, *, transfer_id: UUID, item_id: UUID, sender_id: UUID, kind: ItemKind, revision: int
) -> bytes:
    """What an item's ciphertext is bound to."""
    return formats.item_context(
        deployment=at.deployment,
        transfer=transfer_id,
        item=item_id,
        sender_org=sender_id,
        kind=_KINDS[kind],
        revision=revision,
    )


def new_item(
    at: Installation,
    actor: Actor,
    *,
    item_id: UUID,
    transfer_id: UUID,
    sender_id: UUID,
    kind: ItemKind,
    revision: int,
    facts: ItemFacts,
    ciphertext: bytes | None = None,
    blob_key: str | None = None,
) -> Item:
    """The row of an item that was just sealed."""
    return Item(
        id=item_id,
        transfer_id=transfer_id,
        sender_id=sender_id,
        kind=kind,
        revision=revision,
        ciphertext=ciphertext,
        blob_key=blob_key,
        ciphertext_length=facts.ciphertext_length,
        ciphertext_sha256=facts.ciphertext_sha256,
        commitment=facts.commitment,
        content_digest=facts.content_digest,
        size_bucket=facts.size_bucket,
        created_at=at.now(),
        created_by=actor.person_id,
    )


def seal_row(
    at: Installation,
    actor: Actor,
    *,
    transfer_id: UUID,
    sender_id: UUID,
    kind: ItemKind,
    name: str,
    media_type: str,
    body: bytes,
    revision: int = 1,
) -> SealedRow:
    """Seal a note, cover or remark under a fresh key, as a row that nobody can open yet."""
    item_id = at.new_id()
    context = context_of(
        at, transfer_id=transfer_id, item_id=item_id, sender_id=sender_id, kind=kind, revision=revision
    )
    sealed = seal_item(context=context, name=name, media_type=media_type, body=body)
    item = new_item(
        at,
        actor,
        item_id=item_id,
        transfer_id=transfer_id,
        sender_id=sender_id,
        kind=kind,
        revision=revision,
        facts=sealed.facts,
        ciphertext=sealed.ciphertext,
    )
    return SealedRow(item, sealed.data_key)


def place_item(session: Session, dispatch: Dispatch, item: Item, position: int) -> None:
    """Put an item into a dispatch."""
    session.add(item)
    session.flush()
    session.add(DispatchItem(dispatch_id=dispatch.id, item_id=item.id, position=position))


def grant(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch: Dispatch,
    item: Item,
    data_key: DataKey,
    recipient_id: UUID,
    epoch: PublicEpoch,
) -> None:
    """Seal an item's key to one epoch of one school for one dispatch; whoever loaded `epoch` checked it."""
    sealed = seal_key(at, dispatch=dispatch, item=item, data_key=data_key, epoch=epoch)
    session.add(
        ItemGrant(
            id=at.new_id(),
            item_id=item.id,
            dispatch_id=dispatch.id,
            recipient_id=recipient_id,
            epoch=epoch.number,
            fingerprint=epoch.public.fingerprint.digest,
            suite=epoch.public.suite,
            sealed=sealed,
            created_at=at.now(),
            created_by=actor.person_id,
        )
    )


def seal_key(at: Installation, *, dispatch: Dispatch, item: Item, data_key: DataKey, epoch: PublicEpoch) -> bytes:
    """Seal an item's key to one epoch of a school for one dispatch, as the bytes of a grant."""
    info = _grant_info(at, dispatch, item, recipient_id=epoch.school_id, number=epoch.number, public=epoch.public)
    with said_plainly():
        return grant_item(data_key, epoch.public, info=info)


def open_key(
    at: Installation, keys: SchoolKeys, *, dispatch: Dispatch, item: Item, grants: Sequence[ItemGrant]
) -> DataKey:
    """Open an item's key from one of the school's grants for this dispatch, by the epoch that stands on it.

    Raises CannotOpen with NO_GRANT or GRANT_UNREADABLE.
    """
    if not grants:
        raise CannotOpen(OpeningFailure.NO_GRANT)
    row = next((one for one in grants if one.epoch in keys.epochs), grants[0])
    key = keys.get_epoch(row.epoch)
    if row.suite != key.public.suite or row.fingerprint != key.fingerprint.digest:
        raise CannotOpen(OpeningFailure.GRANT_UNREADABLE)
    info = _grant_info(at, dispatch, item, recipient_id=keys.school_id, number=row.epoch, public=key.public)
    with said_plainly():
        return open_item_grant(key, row.sealed, info=info)


def open_tried_key(
    at: Installation,
    storage: Storage,
    keys: SchoolKeys,
    *,
    dispatch: Dispatch,
    item: Item,
    grants: Sequence[ItemGrant],
) -> DataKey:
    """Open an item's key as `open_key`, and try it on the beginning of the ciphertext: damage is found before use.

    One key derivation, no plaintext. Raises CannotOpen.
    """
    data_key = open_key(at, keys, dispatch=dispatch, item=item, grants=grants)
    with said_plainly():
        fits = check_commitment(data_key, context=item_context(at, item), header=read_start(storage, item))
    if not fits:
        raise CannotOpen(OpeningFailure.COMMITMENT)
    return data_key


def read_ciphertext(storage: Storage, item: Item) -> bytes:
    """Return an item's sealed bytes from its row or from the store; raises CannotOpen where they are gone."""
    if item.ciphertext is not None:
        return item.ciphertext
    if item.blob_key is None:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    try:
        return storage.read(item.blob_key)
    except BlobMissing:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING) from None


def open_row(
    at: Installation, storage: Storage, item: Item, data_key: DataKey, *, expected: ExpectedItem
) -> OpenedItem:
    """Open an item where its bytes, its commitment and its content are the expected ones; raises CannotOpen."""
    ciphertext = read_ciphertext(storage, item)
    with said_plainly():
        return open_item(data_key, context=item_context(at, item), ciphertext=ciphertext, expected=expected)


def item_context(at: Installation, item: Item) -> bytes:
    """What the ciphertext of a stored item is bound to."""
    return context_of(
        at,
        transfer_id=item.transfer_id,
        item_id=item.id,
        sender_id=item.sender_id,
        kind=item.kind,
        revision=item.revision,
    )


def expected_of(item: Item) -> ExpectedItem:
    """What the row itself says of an item: enough for whoever sealed it, not for whoever receives it."""
    return ExpectedItem(
        ciphertext_sha256=item.ciphertext_sha256, commitment=item.commitment, content_digest=item.content_digest
    )


def _grant_info(
    at: Installation, dispatch: Dispatch, item: Item, *, recipient_id: UUID, number: int, public: PublicKey
) -> bytes:
    with said_plainly():
        return formats.item_grant_info(
            suite=public.suite,
            deployment=at.deployment,
            transfer=dispatch.transfer_id,
            dispatch=dispatch.id,
            item=item.id,
            commitment=item.commitment,
            recipient_org=recipient_id,
            epoch=number,
            fingerprint=public.fingerprint,
        )


def read_start(storage: Storage, item: Item) -> bytes:
    """Return the first bytes of an item's ciphertext, which commit to its key; raises CannotOpen where it is gone."""
    if item.ciphertext is not None:
        return item.ciphertext[:HEADER_LENGTH]
    if item.blob_key is None:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    try:
        return storage.read_range(item.blob_key, start=0, length=HEADER_LENGTH)
    except BlobMissing:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING) from None
