"""The only BEGIN and COMMIT: `Database.reading()` and `Database.writing()`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from transfer_service.domain.errors import OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import ORMExecuteState

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "secure_delete=ON",
)

LOCK_WAIT: Final = timedelta(seconds=30)
"""Whoever holds a row for longer hangs; those who wait for it are told to try again."""
UNANSWERED: Final[Mapping[str, int]] = MappingProxyType(
    {"connect_timeout": 5, "keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3,
     "tcp_user_timeout": 30_000}
)  # fmt: skip
"""libpq's own: how long a PostgreSQL is waited for whose machine or network went away without a word, in seconds, the
last in milliseconds. Else a request would hang for as long as the system's own patience lasts, some minutes."""


class WritingSession(Session):
    """A session in which a row that is locked is read as it is now, also where it was read before.

    Who waits for a lock waits for somebody's change: to decide by what was read before the wait would undo it.
    """


@event.listens_for(WritingSession, "do_orm_execute")
def _read_locked_rows_anew(state: ORMExecuteState) -> None:
    # Else `FOR UPDATE` locks, and leaves in place what the session knew of the row already.
    if getattr(state.statement, "_for_update_arg", None) is not None:
        state.update_execution_options(populate_existing=True)


class Database:
    """One database, SQLite or PostgreSQL 15 or newer, and the way to read and to write it.

    A `reading()` session cannot write: SQLite is set to `query_only`, PostgreSQL's transaction is READ ONLY. A
    `writing()` session is one transaction: it commits when the block ends well and leaves nothing when it does not.
    On SQLite the writers of this process queue at a lock of ours; waiting at SQLite's own made the slowest one in
    a hundred thirty times slower.
    """

    def __init__(self, url: str, *, pool_size: int = 16, lock_wait: timedelta = LOCK_WAIT) -> None:
        """Prepare the engine of `url`; no connection is made yet. `lock_wait` bounds each wait for a row's lock."""
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = (
            _sqlite_engine(url, lock_wait) if self.is_sqlite else _postgresql_engine(url, pool_size, lock_wait)
        )
        self._write_lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment and can change nothing."""
        with self.engine.connect() as connection:
            chosen = connection.execution_options(transfer_service_mode="reading")
            if not self.is_sqlite:
                chosen = chosen.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with Session(chosen, autoflush=False, expire_on_commit=False) as session:
                yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together at the end of the block, or not at all.

        Raises OutcomeUnknown where the connection is lost while they are committed.
        """
        with self._one_writer(), self.engine.connect() as connection:
            chosen = connection.execution_options(transfer_service_mode="writing")
            with WritingSession(chosen, expire_on_commit=False) as session, session.begin() as transaction:
                yield session
                session.flush()
                with _keeping():
                    transaction.commit()

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._write_lock:
            yield

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _keeping() -> Iterator[None]:
    """Tell a commit that failed, which left nothing, from one that nobody answered to."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise OutcomeUnknown from error
        raise


def _sqlite_engine(url: str, lock_wait: timedelta) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": lock_wait.total_seconds()})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver's own transaction handling is switched off: it would begin late and commit early.
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("transfer_service_mode") == "reading"
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(url: str, pool_size: int, lock_wait: timedelta) -> Engine:
    address = make_url(with_driver(url))
    engine = create_engine(
        address,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={name: value for name, value in UNANSWERED.items() if name not in address.query},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Said here and not in the address, where a pooler in front of the database might refuse it.
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {lock_wait // timedelta(milliseconds=1)}")
        connection.autocommit = False

    return engine


def with_driver(url: str) -> str:
    """Name psycopg 3 in a PostgreSQL address that names no driver."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
