"""What errors of the database mean: trying again may help, the role has no right to it, or it is no database."""

from __future__ import annotations

from sqlalchemy import exc, text

from transfer_service.db.session import Database


def is_outage(error: BaseException) -> bool:
    """Whether the connection was lost or refused, the pool is exhausted, or a lock was not to be had in time."""
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError)


def lacks_right(error: BaseException) -> bool:
    """Whether PostgreSQL refused because the role may not do it (SQLSTATE 42501)."""
    return isinstance(error, exc.DBAPIError) and getattr(error.orig, "sqlstate", None) == "42501"


def is_no_database(error: BaseException) -> bool:
    """Whether the file that was named is no SQLite database, or is damaged."""
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", None)
    return isinstance(error, exc.DatabaseError) and name in {"SQLITE_NOTADB", "SQLITE_CORRUPT"}


def check_database(database: Database) -> None:
    """Ask the database anything; raises what the driver raises where it does not answer."""
    with database.reading() as session:
        session.execute(text("SELECT 1"))
