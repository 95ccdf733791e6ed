"""A service with people and files in it, made through the use cases; the same as it is deployed, beside bare Flask."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete
from uuid_utils.compat import uuid7

from tests import factories
from tests.benchmarks.measuring import Bench
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
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.signing import LogSigningKey
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
LOG_KEY = LogSigningKey(name="bench/log", seed=b"\x07" * 32)
LARGE_FILE = 25 * 1024 * 1024
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
class People:
    """A lead of the sending school, one of the receiving school, and the Head of Service over them."""

    alma: Member
    cora: Member
    olive: Member


@dataclass(frozen=True)
class Cast(People):
    """The same with files on their way, by the references of their transfers."""

    acknowledged: str
    """Its receipts are signed."""
    draft: str


def new_service(database: Database) -> Service:
    """An installation of this moment with keys as an operator has them: the service refuses those of the tests."""
    clock = Clock(datetime.now(UTC))
    at = Installation(
        deployment=DEPLOYMENT,
        field_keys=FieldKeyring.from_text(FIELD_KEYS, deployment=DEPLOYMENT),
        now=clock,
        new_id=uuid7,
        recovery_keys={"937": WARWICKSHIRE_RECOVERY.fingerprint.hex},
    )
    return Service(database=database, at=at, clock=clock, work=PasswordWork(PepperSet.from_text(PEPPERS)))


def join_people(service: Service) -> People:
    """Make everybody through the use cases; their sessions are live for half an hour from now."""
    with service.database.writing() as session:
        authority = create_authority(
            session, service.at, None, la_code="937", name="Warwickshire",
            recovery=RecoveryPublic(public=WARWICKSHIRE_RECOVERY.public, authority="Warwickshire", demo=False),
            is_demo=False,
        )  # fmt: skip
    sending = add_school(service, authority, urn="125580", name="Alderford Primary School", town="Rugby")
    receiving = add_school(service, authority, urn="125581", name="Birchwater High School", town="Nuneaton")
    olive = join_service(service, name="Olive Hartley", role=Role.HEAD_OF_SERVICE, authority_id=authority)
    return People(
        alma=_lead(service, olive, "Alma Reyes", sending),
        cora=_lead(service, olive, "Cora Whitlock", receiving),
        olive=olive,
    )


def build(database: Database, folder: Path) -> Cast:
    """Make everybody, and files in each state, with receipts."""
    service = new_service(database)
    people = join_people(service)
    setting = Setting(database, service.at, Storage(FolderLocation(folder / "attachments")))
    states = itertools.cycle((Status.SENT, Status.OPENED, Status.ACKNOWLEDGED, Status.DRAFT))
    made = {
        status: factories.dispatch_in(setting, status, sender=people.alma, receiver=people.cora)
        for _, status in zip(range(FILES), states, strict=False)
    }
    with database.writing() as session:
        session.execute(delete(Alert))  # nobody is to be written to while pages are measured
        references = {status: session.get_one(Dispatch, one).transfer.reference for status, one in made.items()}
    sign_committed(database, key=LOG_KEY, state_file=folder / "log-state.json", now=service.at.now())
    return Cast(
        alma=people.alma,
        cora=people.cora,
        olive=people.olive,
        acknowledged=references[Status.ACKNOWLEDGED],
        draft=references[Status.DRAFT],
    )


def _lead(service: Service, officer: Member, name: str, school_id: UUID) -> Member:
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
        "LOG_SIGNING_KEY": LOG_KEY.to_text(),
        "RECOVERY_KEYS": f"937:{WARWICKSHIRE_RECOVERY.fingerprint.hex}",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "alerts@example.org",
        "LOG_LEVEL": "error",
    }
    return {f"TRANSFER_SERVICE_{name}": text for name, text in given.items()}


@dataclass(frozen=True)
class Served:
    """The service as it is deployed and bare Flask behind the same server, each at its port."""

    cast: Cast
    port: int
    bare_port: int


def serving(bench: Bench, kind: str) -> Served:
    """Both servers, started once in a run."""
    return bench.shared((kind, "served"), lambda: _serve(bench, kind))


@contextmanager
def _serve(bench: Bench, kind: str) -> Iterator[Served]:
    with bench.database(kind) as made:
        folder = bench.new_folder("served")
        database = Database(made.url)
        cast = build(database, folder)
        database.dispose()
        port, log = free_port(), folder / "served.log"
        words = ("serve", "--port", str(port), *SERVED[kind])
        with running(*words, environ=environ_of(made.url, folder, port), log=log) as process:
            wait_until(lambda: process.poll() is not None or fetch(port, "/ready") is not None, "the service")
            if process.poll() is not None:
                raise RuntimeError(f"The service did not start: {log.read_text()}")
            with _bare(kind) as bare_port:
                yield Served(cast, port, bare_port)


@contextmanager
def _bare(kind: str) -> Iterator[int]:
    port = free_port()
    words = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--port", str(port), "--no-ws",
        "--log-level", "error", *BARE[kind], "tests.benchmarks.bare_server:load",
    ]  # fmt: skip
    process = subprocess.Popen(words)
    try:
        wait_until(lambda: fetch(port, "/") is not None, "bare Flask")
        yield port
    finally:
        process.terminate()
        process.wait(30)
