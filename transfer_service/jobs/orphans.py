"""Sweeping sealed bytes that no row names: an upload that broke off, or a file that was shredded."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Protocol

from sqlalchemy import select

from transfer_service.db.models import Item
from transfer_service.db.session import Database
from transfer_service.use_cases.installation import Installation

LEFT_ALONE_FOR: Final = timedelta(days=1)
"""A younger blob may belong to an upload whose row is about to be written."""
AT_ONCE: Final = 500


class BlobStore(Protocol):
    """What the sweep needs of the store of sealed bytes (`storage.blobs.Storage`)."""

    def list_orphans(self, known: Container[str], *, older_than: datetime) -> Iterator[str]:
        """List the keys not in `known` that were written before `older_than`."""
        ...

    def delete(self, key: str) -> None:
        """Delete a blob; one that is gone is no error."""
        ...

    def remove_unfinished(self, *, older_than: datetime) -> int:
        """Remove half-written files."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanSweep:
    """Deletes blobs older than a day that no item names."""

    database: Database
    at: Installation
    store: BlobStore

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Go through the store once."""
        older_than = self.at.now() - LEFT_ALONE_FOR
        count = self.store.remove_unfinished(older_than=older_than)
        keys = self.store.list_orphans((), older_than=older_than)
        while not should_stop() and (some := list(islice(keys, AT_ONCE))):
            with self.database.reading() as session:
                known = set(session.scalars(select(Item.blob_key).where(Item.blob_key.in_(some))))
            for key in some:
                if key not in known:
                    self.store.delete(key)
                    count += 1
        return f"swept {count}" if count else ""
