"""Pages over HTTP as they are deployed: granian in a process of its own, people signed in, requests to loopback."""

import base64
import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import delete
from uuid_utils.compat import uuid7

from tests import factories
from tests.benchmarks import bare_server
from tests.benchmarks.measuring import Bench, Figure, benchmark, calls_per_second
from tests.cast import (
    DEPLOYMENT,
    WARWICKSHIRE_RECOVERY,
    Clock,
    Member,
    Service,
    add_school,
    join_service,
    make_first_holder,
)
from tests.integration.cli.processes import fetch, free_port, running, wait_until
from tests.shell import key
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.crypto.unlock import KdfParameters, derive_from_password
from transfer_service.db.models import Alert, Dispatch
from transfer_service.db.session import Database
from transfer_service.domain.roles import Role
from transfer_service.domain.transfer import Status
from transfer_service.storage.blobs import Storage
from transfer_service.storage.settings import FolderLocation
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.authorities import create_authority
from transfer_service.use_cases.people.passwords import PasswordWork

FIELD_KEYS, PEPPERS = f"1:{key(0)}", f"1:{key(32)}"
CONNECTIONS = 16
WARM_UP_SECONDS = 4.0
SECONDS = 6.0
FILES = 60
"""Files from one school to the other: more than a page of a list shows."""
SERVED = {"sqlite": ("--workers", "1", "--threads", "8"), "postgresql": ("--workers", "2", "--threads", "4")}
BARE = {
    "sqlite": ("--workers", "1", "--blocking-threads", "8"),
    "postgresql": ("--workers", "2", "--blocking-threads", "4"),
}


@dataclass(frozen=True)
class Setting:
    """What the factories act in."""

    database: Database
    at: object
    storage: Storage


@dataclass(frozen=True)
class Page:
    """An address and the cookie of somebody who may see it."""

    path: str
    cookie: str


@dataclass(frozen=True)
class Cast:
    """Two schools with a lead each, the Head of Service over them, and files on their way."""

    alma: Member
    cora: Member
    olive: Member
    reference: str

    def pages(self) -> list[Page]:
        """What people look at most, in turn."""
        return [
            Page("/", cookie_of(self.alma)),
            Page("/transfers", cookie_of(self.alma)),
            Page(f"/transfers/{self.reference}", cookie_of(self.alma)),
            Page("/inbox", cookie_of(self.cora)),
            Page("/authority", cookie_of(self.olive)),
        ]


def cookie_of(member: Member) -> str:
    return "session=" + base64.urlsafe_b64encode(member.cookie).decode().rstrip("=")


def service_of(database: Database) -> Service:
    """The installation with keys as an operator has them: the service refuses those of the tests."""
    clock = Clock(datetime.now(UTC))
    at = Installation(
        deployment=DEPLOYMENT,
        field_keys=FieldKeyring.from_text(FIELD_KEYS, deployment=DEPLOYMENT),
        now=clock,
        new_id=uuid7,
        recovery_keys={"937": WARWICKSHIRE_RECOVERY.fingerprint.hex},
    )
    return Service(database=database, at=at, clock=clock, work=PasswordWork(PepperSet.from_text(PEPPERS)))


def build(database: Database, folder: Path) -> Cast:
    """Make everybody and everything through the use cases, as of now: their sessions are live for half an hour."""
    service = service_of(database)
    with database.writing() as session:
        authority = create_authority(
            session, service.at, None, la_code="937", name="Warwickshire",
            recovery=RecoveryPublic(public=WARWICKSHIRE_RECOVERY.public, authority="Warwickshire", demo=False),
            is_demo=False,
        )  # fmt: skip
    sending = add_school(service, authority, urn="125580", name="Alderford Primary School", town="Rugby")
    receiving = add_school(service, authority, urn="125581", name="Birchwater High School", town="Nuneaton")
    olive = join_service(service, name="Olive Hartley", role=Role.HEAD_OF_SERVICE, authority_id=authority)
    alma, cora = (
        _lead(service, olive, name, place) for name, place in (("Alma Reyes", sending), ("Cora Whitlock", receiving))
    )
    setting = Setting(database, service.at, Storage(FolderLocation(folder / "attachments")))
    states = itertools.cycle((Status.SENT, Status.OPENED, Status.ACKNOWLEDGED, Status.DRAFT))
    for _, status in zip(range(FILES), states, strict=False):
        dispatch_id = factories.dispatch_in(setting, status, sender=alma, receiver=cora)
    with database.writing() as session:
        session.execute(delete(Alert))  # nobody is to be written to while pages are measured
        reference = session.get_one(Dispatch, dispatch_id).transfer.reference
    return Cast(alma=alma, cora=cora, olive=olive, reference=reference)


def _lead(service: Service, officer: Member, name: str, school_id: object) -> Member:
    joined = join_service(service, name=name, role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=school_id)
    return make_first_holder(service, officer, joined)


def environ_of(url: str, folder: Path, port: int) -> dict[str, str]:
    given = {
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "BASE_URL": f"http://localhost:{port}",
        "DEPLOYMENT": DEPLOYMENT,
        "SECRET_KEY": "b6u0Zq9yXr4tWm2kLp8vNs5cJd7fHg3a",
        "FIELD_KEYS": FIELD_KEYS,
        "PEPPERS": PEPPERS,
        "LOG_SIGNING_KEY": LogSigningKey(name="bench/log", seed=b"\x07" * 32).to_text(),
        "RECOVERY_KEYS": f"937:{WARWICKSHIRE_RECOVERY.fingerprint.hex}",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "alerts@example.org",
        "LOG_LEVEL": "error",
    }
    return {f"TRANSFER_SERVICE_{name}": text for name, text in given.items()}


@contextmanager
def bare_server_at(port: int, *, kind: str, length: int) -> Iterator[None]:
    """Bare Flask behind granian with as many processes and threads."""
    words = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--port", str(port), "--no-ws",
        "--log-level", "error", *BARE[kind], "tests.benchmarks.bare_server:load",
    ]  # fmt: skip
    process = subprocess.Popen(words, env={**os.environ, bare_server.LENGTH: str(length)})
    try:
        wait_until(lambda: fetch(port, "/") is not None, "bare Flask")
        yield
    finally:
        process.terminate()
        process.wait(30)


def visits_per_second(port: int, pages: Sequence[Page]) -> tuple[Figure, int]:
    """Fetch the pages in turn over so many kept connections; returns the figure and the mean length of a page."""
    connections = threading.local()
    chosen, lock = itertools.cycle(pages), threading.Lock()
    lengths: list[int] = []

    def visit() -> None:
        if not hasattr(connections, "mine"):
            connections.mine = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with lock:
            page = next(chosen)
        connections.mine.request("GET", page.path, headers={"Cookie": page.cookie, "Host": f"localhost:{port}"})
        answer = connections.mine.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{page.path} was answered with {answer.status}")
        lengths.append(len(body))

    # Each process compiles its statements and templates when it first needs them.
    calls_per_second(visit, seconds=WARM_UP_SECONDS, threads=CONNECTIONS)
    figure = calls_per_second(visit, seconds=SECONDS, threads=CONNECTIONS)
    return figure, sum(lengths) // len(lengths)


def measure_pages(kind: str, choose: Callable[[Cast], Sequence[Page]], bench: Bench) -> tuple[Figure, Figure]:
    with bench.database(kind) as made:
        folder = bench.folder / f"served-{time.monotonic_ns()}"
        folder.mkdir()
        database = Database(made.url)
        cast = build(database, folder)
        database.dispose()
        port = free_port()
        words = ("serve", "--port", str(port), *SERVED[kind])
        log = folder / "served.log"
        with running(*words, environ=environ_of(made.url, folder, port), log=log) as process:
            wait_until(lambda: process.poll() is not None or fetch(port, "/ready") is not None, "the service")
            if process.poll() is not None:
                raise RuntimeError(f"The service did not start: {log.read_text()}")
            ours, length = visits_per_second(port, choose(cast))
    port = free_port()
    with bare_server_at(port, kind=kind, length=length):
        floor, _ = visits_per_second(port, [Page("/", "")])
    return ours, floor


for kind, title in (("sqlite", "SQLite, 1×8 threads"), ("postgresql", "PostgreSQL, 2×4 threads")):
    benchmark(
        f"main pages of signed-in people over HTTP, {CONNECTIONS} connections, {title}",
        floor="bare Flask on the same server: a page of the same length, no session, no database",
    )(partial(measure_pages, kind, Cast.pages))


@benchmark("passwords checked, 4 threads", floor="Argon2id with the same parameters, two at a time")
def passwords(bench: Bench) -> tuple[Figure, Figure]:
    del bench
    peppers = PepperSet.from_text(PEPPERS)
    work = PasswordWork(peppers)
    parameters = KdfParameters.generate(peppers)
    password = "nine copper lanterns drift"
    return (
        calls_per_second(lambda: work.derive(password, parameters), threads=4),
        calls_per_second(lambda: derive_from_password(password, parameters, peppers), threads=2),
    )
