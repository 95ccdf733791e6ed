"""Shredding what is due, dispatch by dispatch, and making SQLite forget it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from transfer_service.db.session import Database
from transfer_service.domain.errors import RuleForbids, Unavailable
from transfer_service.jobs.orphans import BlobStore
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.retention import Shredded, list_due_for_shredding, shred_dispatch
from transfer_service.use_cases.steadiness import note_clock

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Shreds what the receiving schools hold themselves by now."""

    database: Database
    at: Installation
    store: BlobStore

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Shred everything that is due; a wish to stop is heard between two dispatches.

        Where the clock moved by days at once nothing is shredded: what is due by a wrong clock is lost for good.
        """
        waits_until = self.watch_clock()
        if waits_until is not None:
            _log.error("shredding waits", waits_until=waits_until.isoformat())
            return f"waits until {waits_until:%Y-%m-%d}: the clock moved by more than a week at once"
        shredded = self.shred_due(should_stop)
        if not shredded:
            # A run before may have died between its last commit and this.
            forget_freed_pages(self.database)
        return f"shredded {len(shredded)}" if shredded else ""

    def watch_clock(self) -> datetime | None:
        """Write down that the service is alive; returns until when nothing is shredded, None where all is well."""
        with self.database.writing() as session:
            return note_clock(session, now=self.at.now())

    def note_time(self, should_stop: Callable[[], bool]) -> str:
        """Look at the clock between two shreddings, as a job of its own."""
        del should_stop
        self.watch_clock()
        return ""

    def list_due(self) -> list[UUID]:
        """List the dispatches that are due."""
        with self.database.reading() as session:
            return list_due_for_shredding(session, now=self.at.now())

    def shred_due(
        self, should_stop: Callable[[], bool] = lambda: False, progress: Callable[[int, int], None] | None = None
    ) -> list[Shredded]:
        """Shred each in a transaction of its own, then its blobs: those left by a crash are orphans, and swept."""
        due = self.list_due()
        done: list[Shredded] = []
        for number, dispatch_id in enumerate(due, start=1):
            if should_stop():
                break
            try:
                with self.database.writing() as session:
                    shredded = shred_dispatch(session, self.at, dispatch_id=dispatch_id)
            except RuleForbids:
                continue  # a legal hold was set, or another worker was quicker
            self._delete(shredded)
            _log.info("dispatch shredded", dispatch_id=dispatch_id, count=shredded.items)
            done.append(shredded)
            if progress:
                progress(number, len(due))
        if done:
            forget_freed_pages(self.database)
        return done

    def _delete(self, shredded: Shredded) -> None:
        """Delete the sealed bytes; a store that does not answer keeps no other file from being shredded."""
        try:
            for key in shredded.blob_keys:
                self.store.delete(key)
        except Unavailable:
            # No grant opens them any more, and the sweep of orphans comes by every day.
            _log.warning("sealed bytes left to the sweep", dispatch_id=shredded.dispatch_id)


def forget_freed_pages(database: Database) -> None:
    """Empty SQLite's write-ahead log, which still holds what was deleted; the pages themselves are overwritten.

    (`secure_delete` is on.) PostgreSQL is left to its own vacuum.
    """
    if not database.is_sqlite:
        return
    connection = database.engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    finally:
        connection.close()
