"""The two steps of signing in, as tests take them, and two acts in the same moment."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests.cast import HOME, Member, Service
from transfer_service.domain.errors import ServiceError
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.session_keys import StartedSession
from transfer_service.use_cases.people.signing_in import begin_sign_in, finish_sign_in


def begin(
    service: Service, member: Member, *, password: str | None = None, email: str | None = None, device: Device = HOME
) -> StartedSession:
    return begin_sign_in(
        service.database,
        service.at,
        service.work,
        email=email or member.email,
        password=member.password if password is None else password,
        device=device,
    )


def finish(
    service: Service,
    member: Member,
    cookie: bytes,
    *,
    code: str | None = None,
    device: Device = HOME,
    trust_device: bool = False,
) -> StartedSession:
    return finish_sign_in(
        service.database,
        service.at,
        cookie=cookie,
        code=member.code(service) if code is None else code,
        device=device,
        trust_device=trust_device,
    )


LONGEST_WAIT = 20.0
"""Seconds in which the second act comes as far as the lock that the first one holds, or to its end without one."""


def overlapping(service: Service, first: Callable[[Session], object], second: Callable[[], object]) -> object:
    """Commit the first act when the second has read what it reads before it waits; return what came of the second."""

    def run() -> object:
        try:
            return second()
        except ServiceError as error:
            return error

    with ThreadPoolExecutor(1) as pool, watched(service) as is_waiting:
        with service.database.writing() as session:
            first(session)
            session.flush()
            result = pool.submit(run)
            give_up_at = time.monotonic() + LONGEST_WAIT
            while not (is_waiting() or result.done()) and time.monotonic() < give_up_at:
                time.sleep(0.02)
        return result.result(30)


@contextmanager
def watched(service: Service) -> Iterator[Callable[[], bool]]:
    """Tell whether anybody waits for a lock of this database."""
    database = service.database
    if not database.is_sqlite:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield lambda: bool(connection.scalar(waiting))
        engine.dispose()
        return
    queue = WatchedLock(database._write_lock)
    database._write_lock = queue  # type: ignore[assignment]
    yield queue.has_waited.is_set
    database._write_lock = queue.lock


class WatchedLock:
    """The lock at which the writers of one process queue, and whether one of them found it taken."""

    def __init__(self, lock: threading.Lock) -> None:
        self.lock = lock
        self.has_waited = threading.Event()

    def __enter__(self) -> None:
        if self.lock.locked():
            self.has_waited.set()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()
