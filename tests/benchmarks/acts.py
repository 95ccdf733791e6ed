"""What people wait for, act by act, through the use cases: a file with a note and an attachment of 25 MiB."""

import hashlib
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import factories
from tests.benchmarks.installed import LARGE_FILE, People, Setting, join_people, new_service
from tests.benchmarks.measuring import Bench, Figure, benchmark
from tests.cast import HOME, Service
from tests.database import Database as MadeDatabase
from transfer_service.crypto import items
from transfer_service.crypto.suites import EpochKey
from transfer_service.crypto.unlock import KdfParameters, derive_from_password
from transfer_service.crypto.values import DataKey, Seed
from transfer_service.db.session import Database
from transfer_service.storage.blobs import Storage
from transfer_service.storage.settings import FolderLocation
from transfer_service.use_cases.people.signing_in import begin_sign_in, finish_sign_in
from transfer_service.use_cases.transfers import attaching

TIMES = 7
CHUNK = 64 * 1024
CONTEXT = b"ptx/item/1" + bytes(90)
INFO = b"ptx/item-grant/1" + bytes(160)
ITEMS = 3
"""The cover sheet, the note and the attachment."""
BARE_TABLE = "CREATE TABLE bare_act (id INTEGER PRIMARY KEY, body {bytes} NOT NULL)"


@dataclass(frozen=True)
class Scene:
    """People in a database of their own, and the file that is sent."""

    made: MadeDatabase
    service: Service
    setting: Setting
    people: People
    body: bytes
    folder: Path

    def draft(self) -> UUID:
        """A new draft with a note."""
        receiving = self.people.cora.actor.organisation_id
        assert receiving is not None
        return factories.draft(self.setting, self.people.alma, receiving)

    def attach(self, dispatch_id: UUID) -> None:
        """Seal the attachment, in pieces as they come from a browser."""
        database, at, actor = self.setting.database, self.service.at, self.people.alma.actor
        with database.reading() as session:
            plan = attaching.begin_attachment(session, at, actor, dispatch_id=dispatch_id)
        pieces = (self.body[start : start + CHUNK] for start in range(0, len(self.body), CHUNK))
        upload = attaching.seal_upload(at, self.setting.storage, plan, name="scan.pdf", chunks=pieces)
        with database.writing() as session:
            attaching.finish_attachment(session, at, actor, upload)

    def send(self, dispatch_id: UUID) -> None:
        factories.send(self.setting, self.people.alma, dispatch_id)

    def open(self, dispatch_id: UUID) -> None:
        factories.open_dispatch(self.setting, self.people.cora, dispatch_id)

    def acknowledge(self, dispatch_id: UUID) -> None:
        factories.acknowledge(self.setting, self.people.cora, dispatch_id)


def scene(bench: Bench, kind: str) -> Scene:
    """One scene of each kind in a run: acts add to it and find it as it was."""
    return bench.shared((kind, "scene"), lambda: _setting_up(bench, kind))


@contextmanager
def _setting_up(bench: Bench, kind: str) -> Iterator[Scene]:
    with bench.database(kind) as made:
        folder = bench.new_folder("scene")
        database = Database(made.url)
        try:
            service = new_service(database)
            setting = Setting(database, service.at, Storage(FolderLocation(folder / "attachments")))
            body = b"%PDF-1.7\n" + os.urandom(LARGE_FILE - 9)
            yield Scene(made, service, setting, join_people(service), body, folder)
        finally:
            database.dispose()


def median_of(work: Callable[[UUID], object], inputs: Sequence[UUID]) -> Figure:
    """Do it once with each input, the first of which does not count; the median, in milliseconds."""
    times = []
    for one in inputs:
        started = time.perf_counter()
        work(one)
        times.append(time.perf_counter() - started)
    return Figure(statistics.median(times[1:]) * 1000, "ms")


def median(work: Callable[[], object]) -> Figure:
    return median_of(lambda _: work(), [UUID(int=number) for number in range(TIMES)])


@contextmanager
def bare_commit(on: Scene) -> Iterator[Callable[[], None]]:
    """What commits one row by the driver alone."""
    if on.made.owner_url is None:
        bare = sqlite3.connect(on.folder / f"bare-{time.monotonic_ns()}.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute(BARE_TABLE.format(bytes="BLOB"))
        yield lambda: bare.execute("INSERT INTO bare_act (body) VALUES (?)", (b"act",)) and None
        bare.close()
        return
    address = on.made.owner_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bare_act")
        connection.execute("CREATE TABLE bare_act (id SERIAL PRIMARY KEY, body bytea NOT NULL)")
        yield lambda: connection.execute("INSERT INTO bare_act (body) VALUES (%s)", (b"act",)) and None
        connection.execute("DROP TABLE bare_act")


def measure_sign_in(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    on = scene(bench, kind)
    database, at, alma, work = on.setting.database, on.service.at, on.people.alma, on.service.work

    def sign_in() -> None:
        on.service.clock.move(seconds=30)  # a one-time code is good once
        begun = begin_sign_in(database, at, work, email=alma.email, password=alma.password, device=HOME)
        finish_sign_in(database, at, cookie=begun.cookie, code=alma.code(on.service), device=HOME)

    parameters = KdfParameters.generate(work.peppers)
    return median(sign_in), median(lambda: derive_from_password(alma.password, parameters, work.peppers))


def measure_attaching(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    on = scene(bench, kind)

    def bare() -> None:
        sealer, digest = Cobblestone256Encryptor(bytes(range(32)), CONTEXT), hashlib.sha256()
        with (on.folder / "bare").open("wb") as file:
            for start in range(0, len(on.body), CHUNK):
                piece = on.body[start : start + CHUNK]
                digest.update(piece)
                sealed = sealer.update(piece)
                digest.update(sealed)
                file.write(sealed)
            file.write(sealer.finalize())
            file.flush()
            os.fsync(file.fileno())

    return median_of(on.attach, [on.draft() for _ in range(TIMES)]), median(bare)


def measure_sending(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    on = scene(bench, kind)
    drafts = [on.draft() for _ in range(TIMES)]
    for one in drafts:
        on.attach(one)
    public, key = EpochKey.from_seed(Seed.generate()).public, DataKey.generate()
    signer = Ed25519PrivateKey.generate()
    with bare_commit(on) as commit:

        def bare() -> None:
            for _ in range(ITEMS):
                items.grant_item(key, public, info=INFO)
            signer.sign(INFO)
            commit()

        return median_of(on.send, drafts), median(bare)


def measure_opening(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    on = scene(bench, kind)
    sealer = Cobblestone256Encryptor(bytes(range(32)), CONTEXT)
    sealed = sealer.update(on.body) + sealer.finalize()

    def bare() -> None:
        hashlib.sha256(sealed).digest()
        opener = Cobblestone256Decryptor(bytes(range(32)), CONTEXT)
        hashlib.sha256(opener.update(sealed) + opener.finalize()).digest()

    return median_of(on.open, [sent(on) for _ in range(TIMES)]), median(bare)


def measure_acknowledging(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    on = scene(bench, kind)
    opened = [sent(on) for _ in range(TIMES)]
    for one in opened:
        on.open(one)
    signer = Ed25519PrivateKey.generate()
    with bare_commit(on) as commit:

        def bare() -> None:
            signer.sign(INFO)
            commit()

        return median_of(on.acknowledge, opened), median(bare)


def sent(on: Scene) -> UUID:
    dispatch_id = on.draft()
    on.attach(dispatch_id)
    on.send(dispatch_id)
    return dispatch_id


ACTS = (
    ("a sign-in by password and code", "one Argon2id derivation with the same parameters", measure_sign_in),
    (
        "an attachment of 25 MiB sealed into a draft",
        "Cobblestone and SHA-256 over the same pieces, forced to the disk",
        measure_attaching,
    ),
    ("sending a note and 25 MiB", "its grants, one signature, and one row committed by the driver", measure_sending),
    ("opening a note and 25 MiB", "Cobblestone and SHA-256 over the same bytes in memory", measure_opening),
    ("acknowledging it", "one signature, and one row committed by the driver", measure_acknowledging),
)
for kind, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
    for name, floor, measure in ACTS:
        benchmark(f"{name}, {title}", floor=floor)(partial(measure, kind))
