"""Attachments: sealed as they arrive, in three steps, so that no transaction waits for somebody's slow line.

`begin_attachment` checks (reading), `seal_upload` takes the bytes (no transaction), `finish_attachment` writes the row.
Nothing is ever on the disk in clear; what is refused on the way leaves nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.crypto.items import ItemFacts, ItemSealer
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import DispatchItem, Item
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import Invalid, RuleForbids, StateForbids, TooLarge
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import MAX_ATTACHMENT_BYTES
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import Side, Status
from transfer_service.domain.uploads import FIRST_BYTES, UPLOAD_PROBLEM_SENTENCES, AcceptedUpload, judge_upload
from transfer_service.storage.blobs import Storage
from transfer_service.storage.keys import blob_key
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.drafting import get_draft
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.notes import check_room, get_sealing_epoch, grant_to_self
from transfer_service.use_cases.transfers.sealing import context_of, new_item

MAX_FILE_BYTES = 512 * 1024 * 1024
"""All sealed bytes of one dispatch: the receiving school downloads them as one archive, built in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentPlan:
    """What was checked before the bytes come."""

    dispatch_id: UUID
    transfer_id: UUID
    sender_id: UUID
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedUpload:
    """An attachment that is sealed and stored and has no row yet."""

    plan: AttachmentPlan
    item_id: UUID
    blob_key: str
    facts: ItemFacts
    data_key: DataKey
    name: str = field(repr=False)
    media_type: str


def begin_attachment(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, limit: int = MAX_ATTACHMENT_BYTES
) -> AttachmentPlan:
    """Check that the actor may attach something to this draft; `limit` in bytes of one file. A reading session will do.

    Raises NotFound, PermissionRefused, StateForbids, KeyMissing, RuleForbids (`too_many_items`, `file_full`).
    """
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING)
    permissions.check(actor, Permission.NOTES_SEAL)
    if dispatch.status is not Status.DRAFT:
        raise StateForbids(dispatch.status, "attach")
    check_room(session, dispatch)
    _check_size(session, dispatch.id)
    get_sealing_epoch(session, at, actor)
    return AttachmentPlan(
        dispatch_id=dispatch.id,
        transfer_id=dispatch.transfer_id,
        sender_id=dispatch.transfer.sending_school_id,
        limit=limit,
    )


def seal_upload(
    at: Installation, storage: Storage, plan: AttachmentPlan, *, name: str, chunks: Iterable[bytes]
) -> SealedUpload:
    """Judge the first bytes, then seal and store the chunks as they arrive, outside any transaction.

    The media type is the one that the bytes show. Raises Invalid (field `file`) for a kind that is not taken, an empty
    file or one that is not what its name says; TooLarge; StorageUnavailable; and whatever `chunks` raises. In all
    these cases nothing is stored.
    """
    arriving = iter(chunks)
    start = _read_start(arriving)
    accepted = judge_upload(name, start, None, limit=plan.limit)
    if not isinstance(accepted, AcceptedUpload):
        raise Invalid({"file": [UPLOAD_PROBLEM_SENTENCES[accepted]]})
    item_id = at.new_id()
    context = context_of(
        at,
        transfer_id=plan.transfer_id,
        item_id=item_id,
        sender_id=plan.sender_id,
        kind=ItemKind.ATTACHMENT,
        revision=1,
    )
    sealer = ItemSealer(context=context, name=accepted.name, media_type=accepted.media_type)
    run = _Run(sealer, plan.limit)
    # A key of its own, not the item's id: an attachment that is sealed again never meets the old blob.
    key = blob_key(at.new_id())
    storage.put_new(key, run.seal(start, arriving))
    return SealedUpload(
        plan=plan,
        item_id=item_id,
        blob_key=key,
        facts=run.get_facts(),
        data_key=sealer.data_key,
        name=accepted.name,
        media_type=accepted.media_type,
    )


def finish_attachment(session: Session, at: Installation, actor: Actor, upload: SealedUpload) -> UUID:
    """Put a sealed upload into its draft and return the item's id.

    Where this refuses (the draft was sent or discarded meanwhile), the caller calls `abandon_upload`. What else goes
    wrong, at the commit or by a crash, may leave an orphan that is swept later, and never a row without its blob.
    """
    dispatch = get_draft(session, actor, upload.plan.dispatch_id, permission=Permission.NOTES_SEAL, action="attach")
    check_room(session, dispatch)
    _check_size(session, dispatch.id, more=upload.facts.ciphertext_length)
    epoch = get_sealing_epoch(session, at, actor)
    item = new_item(
        at,
        actor,
        item_id=upload.item_id,
        transfer_id=dispatch.transfer_id,
        sender_id=dispatch.transfer.sending_school_id,
        kind=ItemKind.ATTACHMENT,
        revision=1,
        facts=upload.facts,
        blob_key=upload.blob_key,
    )
    position = queries.next_position(session, dispatch_id=dispatch.id)
    session.add(item)
    session.flush()
    session.add(DispatchItem(dispatch_id=dispatch.id, item_id=item.id, position=position))
    grant_to_self(session, at, actor, dispatch=dispatch, item=item, data_key=upload.data_key, epoch=epoch)
    record_all(
        session,
        at,
        [leaf_of(actor, Event.ATTACHMENT_SEALED, dispatch, item=item.id, digest=item.content_digest)],
    )
    return item.id


def abandon_upload(storage: Storage, upload: SealedUpload) -> None:
    """Delete the stored bytes of an upload that got no row."""
    storage.delete(upload.blob_key)


class _Run:
    """Seals chunks one after the other and stops where there are too many bytes."""

    def __init__(self, sealer: ItemSealer, limit: int) -> None:
        self._sealer = sealer
        self._limit = limit
        self._facts: ItemFacts | None = None

    def seal(self, start: bytes, arriving: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for chunk in _chain(start, arriving):
            size += len(chunk)
            if size > self._limit:
                raise TooLarge(self._limit)
            yield self._sealer.update(chunk)
        rest, self._facts = self._sealer.finish()
        yield rest

    def get_facts(self) -> ItemFacts:
        if self._facts is None:
            raise RuntimeError("the store did not take all chunks")
        return self._facts


def _chain(start: bytes, arriving: Iterator[bytes]) -> Iterator[bytes]:
    yield start
    yield from arriving


def _read_start(arriving: Iterator[bytes]) -> bytes:
    """Return the first bytes, enough to judge by, as whole chunks; shorter where the file is."""
    start = b""
    for chunk in arriving:
        start += chunk
        if len(start) >= FIRST_BYTES:
            break
    return start


def _check_size(session: Session, dispatch_id: UUID, *, more: int = 0) -> None:
    stored = session.scalar(
        select(func.coalesce(func.sum(Item.ciphertext_length), 0))
        .join(DispatchItem, DispatchItem.item_id == Item.id)
        .where(DispatchItem.dispatch_id == dispatch_id)
    )
    if int(stored or 0) + more > MAX_FILE_BYTES:
        raise RuleForbids(
            "file_full",
            f"The attachments of one file may have {MAX_FILE_BYTES // (1024 * 1024)} MB together. Make some smaller.",
        )
