"""The base of every table: names of constraints and the rules of SQLite's STRICT tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, MetaData, text
from sqlalchemy.orm import DeclarativeBase

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """A row. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMES)

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Make each table STRICT in SQLite, which otherwise stores any type in any column."""
        own = cls.__dict__.get("__table_args__", ())
        positional = own if not isinstance(own, dict) else ()
        named = own if isinstance(own, dict) else {}
        if positional and isinstance(positional[-1], dict):
            named, positional = positional[-1], positional[:-1]
        cls.__table_args__ = (*positional, {"sqlite_strict": True, **named})
        super().__init_subclass__(**keywords)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows alone for which a condition holds, in both databases."""
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)
