"""The two steps of signing in, as tests take them, and two acts in the same moment."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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


UNTIL_IT_WAITS = 0.8
"""Seconds in which the second act comes as far as the lock that the first one holds."""


def overlapping(service: Service, first: Callable[[Session], object], second: Callable[[], object]) -> object:
    """Commit the first act when the second has read what it reads before it waits; return what came of the second."""
    started = threading.Event()

    def run() -> object:
        started.set()
        try:
            return second()
        except ServiceError as error:
            return error

    with ThreadPoolExecutor(1) as pool:
        with service.database.writing() as session:
            first(session)
            session.flush()
            result = pool.submit(run)
            assert started.wait(10)
            time.sleep(UNTIL_IT_WAITS)
        return result.result(30)
