"""Whether the machine's clock is steady enough to delete by it.

What is shredded is lost for good, and it is shredded when a time is over. A clock that jumps ahead, by a wrong setting
or an empty battery, would shred every file at once. So the worker writes down that it was here; where more than a week
is missing between two looks, the clock jumped or the service stood still, and nothing is shredded until the clock has
run on for another week. By then somebody has seen the alert, and that nobody's one-time codes are right any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.db.models import JobRun

NAME: Final = "clock-seen"
LONGEST_STEP: Final = timedelta(days=7)
"""A step by less is believed: it shreds at most so much too early, of the thirty days that are waited."""
SETTLES_AFTER: Final = timedelta(days=7)


def note_clock(session: Session, *, now: datetime) -> datetime | None:
    """Write down that the service is alive now; returns until when nothing may be shredded, or None where all is well.

    The row's `started_at` is since when the clock has been steady, `finished_at` when it was last looked at. The first
    look of all finds nothing to compare with, and believes it.
    """
    row = session.get(JobRun, NAME, with_for_update=True)
    if row is None:
        session.add(JobRun(name=NAME, started_at=now - SETTLES_AFTER, finished_at=now, outcome=""))
        return None
    seen = row.finished_at or row.started_at
    if abs(now - seen) > LONGEST_STEP:
        row.started_at = now
    row.finished_at = now
    return _settles_at(row, now)


def find_unsteadiness(session: Session, *, now: datetime) -> datetime | None:
    """Return until when nothing may be shredded, by what was written down; None where all is well."""
    row = session.get(JobRun, NAME)
    return None if row is None else _settles_at(row, now)


def _settles_at(row: JobRun, now: datetime) -> datetime | None:
    settled = row.started_at + SETTLES_AFTER
    return settled if settled > now else None
