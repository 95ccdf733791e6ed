"""Where a command meets the machine: the environment, the clock, new ids and the database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from config.logging import configure_logging
from config.settings import Settings
from transfer_service.cli.exits import Refused
from transfer_service.db.migrate import revision_gap
from transfer_service.db.session import Database

NEEDS_INSTALLATION: Final = frozenset({"deployment", "field_keys", "recovery_keys"})
"""What `app.build_installation` reads."""


def load_settings(needs: frozenset[str], *, serving: bool = False) -> Settings:
    """Read the settings that a command needs from the environment; raises SettingsError with every problem.

    A command that ends by itself logs warnings alone, whatever LOG_LEVEL says, except `debug`.
    """
    settings = Settings.from_mapping(os.environ, needs | {"log_level"})
    quiet = not serving and settings.log_level == "info"
    configure_logging("warning" if quiet else settings.log_level)
    return settings


def wall_clock() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClockAndIds:
    """The time and new ids, for what needs no key."""

    now: Callable[[], datetime] = wall_clock
    new_id: Callable[[], UUID] = uuid7


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database for one command; raises Refused where it is not at the newest revision."""
    url = settings.database_url.reveal()
    check_revision(url)
    database = Database(url, pool_size=4)
    try:
        yield database
    finally:
        database.dispose()


def check_revision(url: str) -> None:
    """Insist that the database has every migration; raises Refused. An SQLite file is not made by asking."""
    missing = "The database has no tables yet. Run transfer-service db upgrade, then try again."
    database = Database(url)
    path = database.engine.url.database
    database.dispose()
    if database.is_sqlite and path and not Path(path).exists():
        raise Refused(missing)
    current, newest = revision_gap(url)
    if current is None:
        raise Refused(missing)
    if current != newest:
        raise Refused(
            f"The database is at revision {current} and this version needs {newest}. "
            "Run transfer-service db upgrade with this version, then try again."
        )
