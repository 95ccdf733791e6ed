"""Opening what a dispatch holds: the grant, the manifest against the log, the cover, each item against the manifest.

Nothing is written here. What cannot be opened comes back beside what can, so that one damaged item breaks no page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto import errors as crypto_errors
from transfer_service.crypto.cover import Cover
from transfer_service.crypto.headers import START_LENGTH, open_item_name
from transfer_service.crypto.items import ExpectedItem, OpenedItem
from transfer_service.crypto.manifest import Manifest
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant
from transfer_service.db.queries import transfers as queries
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import ItemKind
from transfer_service.storage.blobs import Storage
from transfer_service.storage.errors import BlobMissing
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.transfers.failures import said_plainly
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.provenance import check_provenance
from transfer_service.use_cases.transfers.pupils import make_cover
from transfer_service.use_cases.transfers.revisions import Lineages, expect_newest, load_lineages, trace
from transfer_service.use_cases.transfers.sealing import expected_of, item_context, open_key, open_row
from transfer_service.use_cases.transfers.texts import Note, Remark


class Depth(Enum):
    """How much of an attachment is opened: its name alone, all of it to verify, or all of it to hand on."""

    NAMES = auto()
    VERIFY = auto()
    BODIES = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One item of a dispatch as the school that asks sees it: opened, or with the reason why it cannot be.

    A note fills `note`, a list of what was withheld `remark`, an attachment `name` and `media_type` and, where asked
    for, `body`. `sealed_at` is when it was put into the file. `size` in bytes is known once an attachment was opened
    whole; `size_bucket` always.
    """

    item_id: UUID
    kind: ItemKind | None
    revision: int
    content_digest: bytes
    size_bucket: int
    sealed_for: UUID | None = None
    """The transfer that it was sealed for: an earlier one where it is forwarded."""
    sealed_by: UUID | None = None
    """The school that sealed it: not the sending school where that one forwards it."""
    note: Note | None = field(default=None, repr=False)
    remark: Remark | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    media_type: str | None = None
    size: int | None = None
    body: bytes | None = field(default=None, repr=False)
    sealed_at: datetime | None = None
    failure: CannotOpen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A dispatch with what one school has to open it with."""

    dispatch: Dispatch
    keys: SchoolKeys
    grants: Mapping[UUID, Sequence[ItemGrant]]
    places: Sequence[DispatchItem]
    lineages: Lineages
    """How its items were encrypted again since they were sealed."""


def load_sealed(session: Session, at: Installation, dispatch: Dispatch, keys: SchoolKeys) -> Sealed:
    """Load what the sending school sealed into a dispatch, and this school's grants."""
    places = queries.list_items(session, dispatch_id=dispatch.id, sealed_by=dispatch.transfer.sending_school_id)
    signed = [] if dispatch.manifest is None else [place.item_id for place in places]
    return Sealed(
        dispatch=dispatch,
        keys=keys,
        grants=queries.list_grants(session, dispatch_id=dispatch.id, recipient_id=keys.school_id),
        places=places,
        lineages=load_lineages(session, at, signed) if signed else {},
    )


def open_cover(session: Session, at: Installation, storage: Storage, sealed: Sealed) -> tuple[Manifest, Cover]:
    """Verify the manifest and open the cover; raises CannotOpen for either, or where the columns say another pupil."""
    manifest = verify_manifest(session, at, sealed.dispatch)
    check_provenance(session, at, sealed.dispatch, manifest=manifest, places=sealed.places, lineages=sealed.lineages)
    item = next(
        (
            place.item
            for place in sealed.places
            if place.item.kind is ItemKind.COVER and place.item.content_digest == manifest.cover_digest
        ),
        None,
    )
    if item is None:
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    opened = _open(at, storage, sealed, item, expect_newest(sealed.lineages, item))
    with said_plainly():
        cover = Cover.decode(opened.body)
    try:
        columns = make_cover(at, sealed.dispatch.transfer)
    except (crypto_errors.CryptoError, ValueError):
        raise CannotOpen(OpeningFailure.COVER_NOT_THIS_PUPIL) from None
    if cover != columns:
        raise CannotOpen(OpeningFailure.COVER_NOT_THIS_PUPIL)
    return manifest, cover


def open_parts(
    at: Installation,
    storage: Storage,
    sealed: Sealed,
    manifest: Manifest,
    *,
    depth: Depth,
    only: UUID | None = None,
) -> list[Part]:
    """Open the notes, attachments and remarks that the manifest lists, and name what is there beside them.

    `only` opens one item. Raises StorageUnavailable; everything about an item itself is told in its part.
    """
    places = {place.item_id: place.item for place in sealed.places if place.item.kind is not ItemKind.COVER}
    parts = []
    for listed in manifest.items:
        item = places.pop(listed.item, None)
        if only is not None and listed.item != only:
            continue
        if item is None:
            parts.append(_missing(listed.item, listed.revision, listed.content_digest))
            continue
        try:
            expected = trace(sealed.lineages, item, listed)
        except CannotOpen as failure:
            parts.append(_failed(item, failure))
        else:
            parts.append(_open_part(at, storage, sealed, item=item, expected=expected, depth=depth))
    unlisted = [_failed(item, CannotOpen(OpeningFailure.CONTENT_CHANGED)) for item in places.values()]
    return [*parts, *(part for part in unlisted if only is None or part.item_id == only)]


def open_draft_parts(
    at: Installation, storage: Storage, sealed: Sealed, *, depth: Depth, only: UUID | None = None
) -> list[Part]:
    """Open the items of a draft for the school that sealed them: no manifest vouches for them yet."""
    return [
        _open_part(at, storage, sealed, item=place.item, expected=expected_of(place.item), depth=depth)
        for place in sealed.places
        if place.item.kind is not ItemKind.COVER and (only is None or place.item_id == only)
    ]


def _open_part(
    at: Installation, storage: Storage, sealed: Sealed, *, item: Item, expected: ExpectedItem, depth: Depth
) -> Part:
    try:
        if item.kind is ItemKind.ATTACHMENT and depth is Depth.NAMES and item.ciphertext_length > START_LENGTH:
            name, media_type = _open_name(at, storage, sealed, item)
            return _part(item, name=name, media_type=media_type)
        opened = _open(at, storage, sealed, item, expected)
        if item.kind is ItemKind.NOTE:
            return _part(item, note=Note.decode(opened.body))
        if item.kind is ItemKind.REMARK:
            return _part(item, remark=Remark.decode(opened.body))
    except CannotOpen as failure:
        return _failed(item, failure)
    return _part(
        item,
        name=opened.name,
        media_type=opened.media_type,
        size=len(opened.body),
        body=opened.body if depth is Depth.BODIES else None,
    )


def _open(at: Installation, storage: Storage, sealed: Sealed, item: Item, expected: ExpectedItem) -> OpenedItem:
    return open_row(at, storage, item, _open_key(at, sealed, item), expected=expected)


def _open_key(at: Installation, sealed: Sealed, item: Item) -> DataKey:
    grants = sealed.grants.get(item.id, ())
    return open_key(at, sealed.keys, dispatch=sealed.dispatch, item=item, grants=grants)


def _open_name(at: Installation, storage: Storage, sealed: Sealed, item: Item) -> tuple[str, str]:
    """Open the first chunk of a stored attachment: a list of names need not read hundreds of megabytes."""
    data_key = _open_key(at, sealed, item)
    try:
        start = (item.ciphertext or b"")[:START_LENGTH] or storage.read_range(
            item.blob_key or "", start=0, length=START_LENGTH
        )
    except (BlobMissing, ValueError):
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING) from None
    with said_plainly():
        return open_item_name(data_key, context=item_context(at, item), start=start)


def _part(
    item: Item,
    *,
    note: Note | None = None,
    remark: Remark | None = None,
    name: str | None = None,
    media_type: str | None = None,
    size: int | None = None,
    body: bytes | None = None,
    failure: CannotOpen | None = None,
) -> Part:
    return Part(
        item_id=item.id,
        kind=item.kind,
        revision=item.revision,
        content_digest=item.content_digest,
        size_bucket=item.size_bucket,
        note=note,
        remark=remark,
        name=name,
        media_type=media_type,
        size=size,
        body=body,
        sealed_at=item.created_at,
        sealed_for=item.transfer_id,
        sealed_by=item.sender_id,
        failure=failure,
    )


def _failed(item: Item, failure: CannotOpen) -> Part:
    return _part(item, failure=failure)


def _missing(item_id: UUID, revision: int, content_digest: bytes) -> Part:
    """An item that the manifest lists and whose row is gone."""
    return Part(
        item_id=item_id,
        kind=None,
        revision=revision,
        content_digest=content_digest,
        size_bucket=0,
        failure=CannotOpen(OpeningFailure.CIPHERTEXT_MISSING),
    )
