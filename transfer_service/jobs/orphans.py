"""Sweeping sealed bytes that no row names: an upload that broke off, or a file that was shredded."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Protocol

import structlog
from sqlalchemy import select

from transfer_service.db.models import Item
from transfer_service.db.session import Database
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.steadiness import note_clock

_log = structlog.stdlib.get_logger(__name__)

LEFT_ALONE_FOR: Final = timedelta(days=1)
"""A younger blob may belong to an upload whose row is about to be written."""
AT_ONCE: Final = 500
FEW: Final = 20
"""So many orphans are swept whatever their share: broken uploads of a day."""


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
    """Deletes blobs older than a day that no item names.

    Where more than half of a store belongs to no row, it is the database that is wrong: another one, an empty one, or
    one that is being restored. Then nothing is deleted, and somebody has to look.
    """

    database: Database
    at: Installation
    store: BlobStore

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Go through the store once; not by a clock that jumped, to which an upload that is arriving is days old."""
        with self.database.writing() as session:
            waits_until = note_clock(session, now=self.at.now())
        if waits_until is not None:
            return f"waits until {waits_until:%Y-%m-%d}: the clock moved by more than a week at once"
        older_than = self.at.now() - LEFT_ALONE_FOR
        count = self.store.remove_unfinished(older_than=older_than)
        orphans, seen = self._find(should_stop, older_than)
        if len(orphans) > max(FEW, seen / 2):
            _log.error("orphans left alone", count=len(orphans))
            return f"left {len(orphans)} of {seen}: no row names them. Is this the store's own database?"
        for key in orphans:
            if should_stop():
                break
            self.store.delete(key)
            count += 1
        return f"swept {count}" if count else ""

    def _find(self, should_stop: Callable[[], bool], older_than: datetime) -> tuple[list[str], int]:
        """Find the blobs that no row names, and how many blobs there are; nothing where it is to stop."""
        keys = self.store.list_orphans((), older_than=older_than)
        orphans: list[str] = []
        seen = 0
        while some := list(islice(keys, AT_ONCE)):
            if should_stop():
                return [], seen
            with self.database.reading() as session:
                known = set(session.scalars(select(Item.blob_key).where(Item.blob_key.in_(some))))
            orphans += [key for key in some if key not in known]
            seen += len(some)
        return orphans, seen
