"""Which errors mean that the database cannot be reached or is busy, so that trying again may help."""

from __future__ import annotations

from sqlalchemy import exc, text

from transfer_service.db.session import Database


def is_outage(error: BaseException) -> bool:
    """Whether the connection was lost or refused, the pool is exhausted, or a lock was not to be had in time."""
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError)


def check_database(database: Database) -> None:
    """Ask the database anything; raises what the driver raises where it does not answer."""
    with database.reading() as session:
        session.execute(text("SELECT 1"))
