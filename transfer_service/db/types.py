"""Column types that mean the same in PostgreSQL and in SQLite's STRICT tables."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Integer, LargeBinary, Text, TypeDecorator
from sqlalchemy import types as sql_types
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Dialect

E = TypeVar("E", bound=StrEnum)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Id(TypeDecorator[UUID]):
    """A UUID: native in PostgreSQL, 16 bytes in SQLite."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sql_types.TypeEngine[Any]:
        """Choose the storage type of the database at hand."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=True))
        return dialect.type_descriptor(LargeBinary())

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> UUID | bytes | None:
        """Turn the value into what the driver stores."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Turn what the driver read into the value."""
        if value is None or dialect.name == "postgresql":
            return value  # type: ignore[no-any-return]
        return UUID(bytes=bytes(value))


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC; whole microseconds since 1970 in SQLite, so that it compares exactly."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sql_types.TypeEngine[Any]:
        """Choose the storage type of the database at hand."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Integer())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Turn the value into what the driver stores; a naive time is a fault of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone cannot be stored"
            raise ValueError(msg)
        if dialect.name == "postgresql":
            return value.astimezone(UTC)
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn what the driver read into the value."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return value.astimezone(UTC)  # type: ignore[no-any-return]
        return EPOCH + timedelta(microseconds=value)


class Day(TypeDecorator[date]):
    """A calendar date; ISO text in SQLite."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sql_types.TypeEngine[Any]:
        """Choose the storage type of the database at hand."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Date())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> date | str | None:
        """Turn the value into what the driver stores."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """Turn what the driver read into the value."""
        if value is None or dialect.name == "postgresql":
            return value  # type: ignore[no-any-return]
        return date.fromisoformat(value)


class Flag(TypeDecorator[bool]):
    """Yes or no; 0 or 1 in SQLite."""

    impl = sql_types.Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sql_types.TypeEngine[Any]:
        """Choose the storage type of the database at hand."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sql_types.Boolean())
        return dialect.type_descriptor(Integer())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> bool | int | None:  # noqa: FBT001
        """Turn the value into what the driver stores."""
        if value is None or dialect.name == "postgresql":
            return value
        return int(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        """Turn what the driver read into the value."""
        del dialect
        return None if value is None else bool(value)


class Word(TypeDecorator[E]):
    """A word of a closed list (an enumeration of the domain), stored as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[E]) -> None:
        """Bind the column to the enumeration `words`."""
        super().__init__()
        self.words = words

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Turn the value into what the driver stores; a word outside the list is refused."""
        del dialect
        return None if value is None else self.words(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:
        """Turn what the driver read into the value."""
        del dialect
        return None if value is None else self.words(value)


class Json(TypeDecorator[Any]):
    """A small JSON value, stored as text in both databases; never queried into."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Turn the value into what the driver stores."""
        del dialect
        return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Turn what the driver read into the value."""
        del dialect
        return None if value is None else json.loads(value)


Whole = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
"""A whole number of up to 63 bits."""

Bytes = LargeBinary
"""Bytes as they are: BYTEA or BLOB."""
