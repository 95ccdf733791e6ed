"""When each job last ran: one row a job, by which several workers share the work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError

from transfer_service.db.models import JobRun
from transfer_service.db.session import Database

ABANDONED_AFTER: Final = timedelta(hours=6)
"""A run that was begun so long ago and never finished is taken for one whose worker died."""


def begin(
    database: Database, name: str, *, every: timedelta, now: datetime, resuming: datetime | None = None
) -> tuple[bool, datetime]:
    """Begin a run unless a worker began one less than `every` ago; returns whether, and when the next one is due.

    A run whose worker died is followed by the next, six hours later at the latest; `resuming` names one that this
    worker began at that time and could not finish. One that was begun in the future, by a clock that was wrong, keeps
    nobody from running.
    """
    try:
        with database.writing() as session:
            row = session.get(JobRun, name, with_for_update=True)
            if row is not None and not _may_begin(row, every=every, now=now, resuming=resuming):
                return False, row.started_at + (every if row.finished_at else min(every, ABANDONED_AFTER))
            if row is None:
                session.add(JobRun(name=name, started_at=now, outcome=""))
            else:
                row.started_at, row.finished_at, row.outcome = now, None, ""
    except IntegrityError:
        # Another worker wrote the job's first row in the same moment, and does the work.
        return False, now + every
    return True, now + every


def _may_begin(row: JobRun, *, every: timedelta, now: datetime, resuming: datetime | None) -> bool:
    if row.started_at + every <= now or row.started_at > now + every:
        return True
    return row.finished_at is None and (row.started_at == resuming or row.started_at + ABANDONED_AFTER <= now)


def finish(database: Database, name: str, *, now: datetime, outcome: str, is_new: bool = False) -> None:
    """Write down what came of a run; with `is_new` it was not begun by `begin`, and any worker's row will do."""
    try:
        with database.writing() as session:
            row = session.get(JobRun, name, with_for_update=True)
            if row is None:
                session.add(JobRun(name=name, started_at=now, finished_at=now, outcome=outcome))
                return
            row.finished_at, row.outcome = now, outcome
            if is_new:
                row.started_at = now
    except IntegrityError:
        return
