"""What errors of the database mean: trying again may help, the role has no right to it, or it is no database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import exc, text

from transfer_service.db.session import Database
from transfer_service.domain.errors import OutcomeUnknown

READ_ONLY: Final = "25006"
"""What PostgreSQL says to a writer while it is a standby, as after a failover, or was set to be read alone."""


def is_outage(error: BaseException) -> bool:
    """Whether trying again may help.

    The connection was lost or refused, the pool is exhausted, a lock was not to be had in time, or the disk is full or
    may not be written just now.
    """
    if isinstance(error, OutcomeUnknown):
        return True
    if isinstance(error, exc.DBAPIError) and (error.connection_invalidated or _sqlstate(error) == READ_ONLY):
        return True
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError)


def lacks_right(error: BaseException) -> bool:
    """Whether PostgreSQL refused because the role may not do it (SQLSTATE 42501)."""
    return isinstance(error, exc.DBAPIError) and _sqlstate(error) == "42501"


def is_no_database(error: BaseException) -> bool:
    """Whether the file that was named is no SQLite database, or is damaged."""
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", None)
    return isinstance(error, exc.DatabaseError) and name in {"SQLITE_NOTADB", "SQLITE_CORRUPT"}


def has_no_room(error: BaseException) -> bool:
    """Whether the disk of the database is full: SQLITE_FULL, or SQLSTATE 53100 of PostgreSQL."""
    if not isinstance(error, exc.DBAPIError):
        return False
    return getattr(error.orig, "sqlite_errorname", None) == "SQLITE_FULL" or _sqlstate(error) == "53100"


def check_database(database: Database) -> None:
    """Ask the database anything; raises what the driver raises where it does not answer."""
    with database.reading() as session:
        session.execute(text("SELECT 1"))


def _sqlstate(error: exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
