"""The day in England of a stored moment, computed by the database: the same as `domain.calendars.local_day`."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from transfer_service.db.types import Day


class LocalDay(FunctionElement[date]):
    """A moment's day in England."""

    type = Day()
    inherit_cache = True


def local_day(moment: ColumnElement[Any] | Any) -> ColumnElement[Any]:
    """Return the day in England of a column of moments; None where there is none."""
    return LocalDay(moment)


# SQLite knows no time zones. A moment before 23:00 UTC is the same day in England; after it, it is the next day while
# summer time lasts: from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last Sunday of October.
_SQLITE = (
    "date({s}, 'unixepoch', CASE WHEN {s} % 86400 >= 82800"
    " AND date({s}, 'unixepoch') >= date(strftime('%Y', {s}, 'unixepoch') || '-03-25', 'weekday 0')"
    " AND date({s}, 'unixepoch') < date(strftime('%Y', {s}, 'unixepoch') || '-10-25', 'weekday 0')"
    " THEN '+1 hour' ELSE '+0 hours' END)"
)


@compiles(LocalDay, "sqlite")
def _on_sqlite(element: LocalDay, compiler: Any, **options: Any) -> str:
    seconds = f"({compiler.process(element.clauses, **options)} / 1000000)"
    return _SQLITE.format(s=seconds)


@compiles(LocalDay, "postgresql")
def _on_postgresql(element: LocalDay, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AT TIME ZONE 'Europe/London' AS DATE)"
