"""Rows as lines of JSON: the same on SQLite and on PostgreSQL, so that a backup of one can be put into the other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Table, insert, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Model
from transfer_service.db.types import Day, Id, UtcDateTime, Word

LEFT_OUT: Final = frozenset({"sign_in_session", "held_form", "trusted_device", "sign_in_attempt"})
"""What is of the moment: sessions stay out of backups, so that no cookie opens anything after a restore."""
OF_THE_LOG: Final = frozenset({"log_leaf", "log_node", "log_head", "log_detail"})
"""Copied as an export of the log, and written anew leaf by leaf."""
AFTER_THE_LOG: Final = ("log_checkpoint", "log_cosignature")
"""Copied as rows, and put back when the leaves are there: the database's guards ask for that."""

_AT_ONCE: Final = 500
# A row that names an earlier one of its own table comes after it.
_ORDER: Final[Mapping[str, tuple[str, ...]]] = {"dispatch": ("number", "id")}


def list_tables() -> list[Table]:
    """List the tables that are copied as rows, each after those that it refers to."""
    skipped = LEFT_OUT | OF_THE_LOG | set(AFTER_THE_LOG)
    return [table for table in Model.metadata.sorted_tables if table.name not in skipped]


def list_log_tables() -> list[Table]:
    """List the tables that are put back after the leaves, in this order."""
    return [Model.metadata.tables[name] for name in AFTER_THE_LOG]


def dump_rows(session: Session, table: Table) -> Iterator[str]:
    """Write every row of a table as one line of JSON without its end, a few hundred in memory at a time."""
    columns = [table.c[name] for name in _ORDER.get(table.name, ())] or list(table.primary_key.columns)
    found = session.execute(select(table).order_by(*columns).execution_options(yield_per=_AT_ONCE))
    for row in found.mappings():
        plain = {column.name: _plain(row[column.name], column) for column in table.columns}
        yield json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def load_rows(session: Session, table: Table, lines: Iterator[bytes]) -> int:
    """Put rows back and return how many; raises ValueError, KeyError or TypeError where a line is no such row."""
    readers = {column.name: _reader(column) for column in table.columns}
    count = 0
    some: list[dict[str, Any]] = []
    for line in lines:
        given = json.loads(line)
        if set(given) != set(readers):
            raise ValueError("the columns are not those of this version")
        some.append({name: None if given[name] is None else read(given[name]) for name, read in readers.items()})
        count += 1
        if len(some) == _AT_ONCE:
            session.execute(insert(table), some)
            some = []
    if some:
        session.execute(insert(table), some)
    return count


def is_empty(session: Session, table: Table) -> bool:
    """Tell whether a table has no row."""
    return session.execute(select(*table.primary_key.columns).limit(1)).first() is None


def _plain(value: Any, column: Column[Any]) -> Any:
    if isinstance(value, bytes | memoryview) and isinstance(column.type, LargeBinary):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    """Return what turns the JSON value of a column into the value that the column takes."""
    kind = column.type
    if isinstance(kind, Id):
        return UUID
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat
    if isinstance(kind, Day):
        return date.fromisoformat
    if isinstance(kind, Word):
        return cast("Callable[[Any], Any]", kind.words)
    if isinstance(kind, LargeBinary):
        return base64.b64decode
    return lambda value: value
