"""One item encrypted again under a new data key, in three steps, for everybody who holds it (docs/keys.md).

Prepare (reading) finds the key and what the ciphertext must be. Make (no transaction) passes the contents on, stores
them and reads all of it back. Swap (writing) exchanges ciphertext and grants in one commit, after the new grants were
read back; until then everybody opens the old ones. Killed in between, it leaves at most sealed bytes without a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto.items import ExpectedItem
from transfer_service.crypto.reencryption import (
    ItemReencryptor,
    NewCiphertext,
    Reencryption,
    check_reencrypted,
    reencryption_hash,
)
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant, ItemReencryption, School
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import reencryption as queries
from transfer_service.domain.errors import CannotOpen, Conflict, OpeningFailure
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.roles import Actor
from transfer_service.storage.blobs import Storage
from transfer_service.storage.errors import BlobMissing
from transfer_service.storage.keys import blob_key
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.exchanging_grants import exchange_grants
from transfer_service.use_cases.transfers.failures import said_plainly
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.revisions import Holders, expect_newest, load_lineages, trace
from transfer_service.use_cases.transfers.sealing import context_of, expected_of, item_context, open_key


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedItem:
    """An item as it is now, with its key; `dispatch_id` is the one by which the school holds it."""

    item_id: UUID
    dispatch_id: UUID
    revision: int
    ciphertext: bytes | None = field(repr=False)
    blob_key: str | None
    data_key: DataKey
    expected: ExpectedItem
    old_context: bytes
    new_context: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeItem:
    """The same contents under a new key, read back and found right; not in any row yet."""

    prepared: PreparedItem
    data_key: DataKey
    made: NewCiphertext
    ciphertext: bytes | None = field(repr=False)
    blob_key: str | None


def prepare_item(session: Session, at: Installation, keys: SchoolKeys, item_id: UUID) -> PreparedItem:
    """Open an item's key, and say what its ciphertext must be by what was signed; raises CannotOpen."""
    item = session.get_one(Item, item_id)
    found = queries.list_own_grants(session, item_id, keys.school_id)
    if not found:
        raise Conflict
    grant, dispatch = next(((one, of) for one, of in found if one.epoch in keys.epochs), found[0])
    return PreparedItem(
        item_id=item.id,
        dispatch_id=dispatch.id,
        revision=item.revision,
        ciphertext=item.ciphertext,
        blob_key=item.blob_key,
        data_key=open_key(at, keys, dispatch=dispatch, item=item, grants=[grant]),
        expected=_find_expected(session, at, dispatch, item),
        old_context=item_context(at, item),
        new_context=context_of(
            at,
            transfer_id=item.transfer_id,
            item_id=item.id,
            sender_id=item.sender_id,
            kind=item.kind,
            revision=item.revision + 1,
        ),
    )


def make_item(at: Installation, storage: Storage, prepared: PreparedItem) -> MadeItem:
    """Pass the contents to a new key, store them beside the old ones and read them back; nothing in clear is kept.

    Raises CannotOpen where the old or the new bytes are not what they must be, StorageUnavailable; then nothing stays.
    """
    passing = ItemReencryptor(
        prepared.data_key,
        old_context=prepared.old_context,
        new_context=prepared.new_context,
        expected=prepared.expected,
    )
    if prepared.ciphertext is not None:
        with said_plainly():
            new = b"".join(passing.run([prepared.ciphertext]))
        made = MadeItem(prepared=prepared, data_key=passing.data_key, made=passing.made, ciphertext=new, blob_key=None)
        _read_back(made, [new])
        return made
    key = blob_key(at.new_id())
    with said_plainly():
        storage.put_new(key, passing.run(_read_chunks(storage, prepared.blob_key)))
    made = MadeItem(prepared=prepared, data_key=passing.data_key, made=passing.made, ciphertext=None, blob_key=key)
    try:
        _read_back(made, _read_chunks(storage, key))
    except CannotOpen:
        storage.delete(key)
        raise
    return made


def swap_item(session: Session, at: Installation, actor: Actor, keys: SchoolKeys, made: MadeItem) -> None:
    """Put the new ciphertext and grants in the place of the old ones, with the signed statement and its leaf.

    `keys` were opened in this transaction, by somebody who may. Raises Conflict where the item changed since it was
    prepared, was shredded, or may be encrypted by this school no more; CannotOpen where a new grant does not hold.
    """
    item, dispatches = _lock(session, made.prepared.item_id)
    since = key_queries.get_active_since(session, keys.school_id)
    is_due = since is not None and queries.is_due(session, keys.school_id, since=since, item_id=item.id)
    if not is_due or not _is_as_prepared(item, made):
        raise Conflict
    holders = Holders(session, at).of(item, now=True)
    if keys.school_id not in holders:
        # Its statement would convince nobody.
        raise CannotOpen(OpeningFailure.MANIFEST_SIGNATURE)
    digest = _state(session, at, actor, keys, item=item, made=made)
    _put_ciphertext(session, at, item, made)
    exchange_grants(session, at, actor, keys, item=item, dispatches=dispatches, holders=holders, data_key=made.data_key)
    number, key = keys.active
    leaf = leaf_of(
        actor,
        Event.ITEM_REENCRYPTED,
        dispatches[made.prepared.dispatch_id],
        item=item.id,
        digest=digest,
        epoch=number,
        key=key.fingerprint.hex,
    )
    record_all(session, at, [leaf])


def _find_expected(session: Session, at: Installation, dispatch: Dispatch, item: Item) -> ExpectedItem:
    """What an item must be by what its sender signed; a draft and the words of an answer are signed by nobody yet."""
    if dispatch.manifest is None:
        return expected_of(item)
    manifest = verify_manifest(session, at, dispatch)
    lineages = load_lineages(session, at, [item.id])
    listed = next((one for one in manifest.items if one.item == item.id), None)
    if listed is not None:
        return trace(lineages, item, listed)
    is_cover = item.kind is ItemKind.COVER and item.content_digest == manifest.cover_digest
    is_answer = item.kind is ItemKind.REMARK and item.sender_id == dispatch.receiving_school_id
    if not is_cover and not is_answer:
        raise CannotOpen(OpeningFailure.CONTENT_CHANGED)
    return expect_newest(lineages, item)


def _read_chunks(storage: Storage, key: str | None) -> Iterable[bytes]:
    if key is None:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    try:
        yield from storage.read_chunks(key)
    except BlobMissing:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING) from None


def _read_back(made: MadeItem, chunks: Iterable[bytes]) -> None:
    with said_plainly():
        check_reencrypted(
            made.data_key,
            context=made.prepared.new_context,
            chunks=chunks,
            made=made.made,
            content_digest=made.prepared.expected.content_digest,
        )


def _lock(session: Session, item_id: UUID) -> tuple[Item, Mapping[UUID, Dispatch]]:
    """Hold still whoever could grant the item or renew grants of it: its schools, then its dispatches, then itself."""
    of_item = select(ItemGrant.recipient_id).where(ItemGrant.item_id == item_id)
    schools = set(
        session.scalars(
            select(School.id).where(School.id.in_(of_item)).order_by(School.id).with_for_update(key_share=True)
        )
    )
    carrying = select(DispatchItem.dispatch_id).where(DispatchItem.item_id == item_id)
    dispatches = session.scalars(
        select(Dispatch)
        .where(Dispatch.id.in_(carrying))
        .order_by(Dispatch.sent_at, Dispatch.id)
        .with_for_update(of=Dispatch)
    ).all()
    item = session.scalars(select(Item).where(Item.id == item_id).with_for_update(of=Item)).one()
    if set(session.scalars(of_item)) - schools or set(session.scalars(carrying)) - {one.id for one in dispatches}:
        raise Conflict  # it was sent on while we waited; the next round finds all of it
    return item, {one.id: one for one in dispatches}


def _is_as_prepared(item: Item, made: MadeItem) -> bool:
    seen = made.prepared
    now = (item.revision, item.ciphertext_sha256, item.blob_key, item.content_digest)
    return now == (seen.revision, seen.expected.ciphertext_sha256, seen.blob_key, seen.expected.content_digest)


def _state(session: Session, at: Installation, actor: Actor, keys: SchoolKeys, *, item: Item, made: MadeItem) -> bytes:
    """Sign that the old ciphertext became the new one, keep it, and return its hash."""
    number, key = keys.active
    statement = Reencryption(
        deployment=at.deployment,
        transfer=item.transfer_id,
        item=item.id,
        old_revision=item.revision,
        old_sha256=item.ciphertext_sha256,
        new_revision=item.revision + 1,
        new_sha256=made.made.ciphertext_sha256,
        commitment=made.made.commitment,
        content_digest=item.content_digest,
        signer_org=keys.school_id,
        signer_epoch=number,
    ).encode()
    session.add(
        ItemReencryption(
            item_id=item.id,
            revision=item.revision + 1,
            school_id=keys.school_id,
            epoch=number,
            statement=statement,
            signature=key.sign(statement),
            created_at=at.now(),
            created_by=actor.person_id,
        )
    )
    return reencryption_hash(statement)


def _put_ciphertext(session: Session, at: Installation, item: Item, made: MadeItem) -> None:
    """Write the new ciphertext into the row, and read it back before anything old goes."""
    item.revision += 1
    item.ciphertext, item.blob_key = made.ciphertext, made.blob_key
    item.ciphertext_length = made.made.ciphertext_length
    item.ciphertext_sha256 = made.made.ciphertext_sha256
    item.commitment = made.made.commitment
    item.reencrypted_at = at.now()
    session.flush()
    columns = (Item.revision, Item.ciphertext, Item.blob_key, Item.ciphertext_sha256, Item.commitment)
    stored = session.execute(select(*columns).where(Item.id == item.id)).one()
    new = (made.prepared.revision + 1, made.ciphertext, made.blob_key)
    if tuple(stored) != (*new, made.made.ciphertext_sha256, made.made.commitment):
        raise CannotOpen(OpeningFailure.CIPHERTEXT_CHANGED)
