"""What must be right before the service may serve or work."""

from __future__ import annotations

from transfer_service.cli.edge import check_revision
from transfer_service.cli.exits import Refused
from transfer_service.db import log_guards
from transfer_service.db.session import Database


def check_readiness(url: str) -> None:
    """Insist on the newest revision, every guard of the log, and a role that owns no table of it; raises Refused."""
    check_revision(url)
    missing = find_missing_guards(url)
    if missing:
        raise Refused(
            f"The database's guards of the log are absent, off or changed ({', '.join(missing)}). Find out who did "
            "that, run transfer-service audit verify, and restore the database, or make the guards again with "
            "transfer-service db upgrade."
        )
    owned = find_owned_log_tables(url)
    if owned:
        raise Refused(
            "DATABASE_URL names a role that owns the log's tables or is a superuser, so that it could switch off their "
            "guards. Give the application a role of its own, and name the owner in DATABASE_OWNER_URL alone."
        )


def find_missing_guards(url: str) -> list[str]:
    """Name the guards of the log that are absent, switched off or changed."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            return log_guards.list_missing_guards(connection)
    finally:
        database.dispose()


def find_owned_log_tables(url: str) -> list[str]:
    """Name the log's tables that the application's role could alter."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            return log_guards.list_owned_log_tables(connection)
    finally:
        database.dispose()
