"""Which sealed bytes the store has to hold, as the rows name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Item

AT_ONCE: Final = 500


class NamedBlob(NamedTuple):
    """A live item in the store: its sender, its key there, and length and SHA-256 of the sealed bytes."""

    item_id: UUID
    sender_id: UUID
    key: str
    length: int
    digest: bytes


def iterate_blobs(reading: Callable[[], AbstractContextManager[Session]]) -> Iterator[NamedBlob]:
    """Go through the live items in the store in the order of their ids, some in memory at a time.

    Reading sealed bytes takes long. `reading` opens a transaction for each lot of rows, so that none is open meanwhile;
    who needs one moment of all rows gives the session that is open already.
    """
    some: list[NamedBlob] = []
    while True:
        with reading() as session:
            some = _list_blobs(session, after=some[-1].item_id if some else None)
        if not some:
            return
        yield from some


def _list_blobs(session: Session, *, after: UUID | None) -> list[NamedBlob]:
    choice = (
        select(Item.id, Item.sender_id, Item.blob_key, Item.ciphertext_length, Item.ciphertext_sha256)
        .where(Item.blob_key.is_not(None))
        .order_by(Item.id)
        .limit(AT_ONCE)
    )
    if after is not None:
        choice = choice.where(Item.id > after)
    return [
        NamedBlob(item_id, sender_id, key, length, digest)
        for item_id, sender_id, key, length, digest in session.execute(choice)
        if key is not None
    ]
