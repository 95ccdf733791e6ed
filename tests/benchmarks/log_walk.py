"""A whole log appended and then checked from its first leaf to its last: seconds, and memory of the check.

TRANSFER_BENCH_LEAVES says how many leaves (50,000 where it does not); a million take some minutes.
"""

import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from tests.benchmarks.measuring import Bench, Figure, benchmark, seconds_once
from transfer_service.audit import log
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.verify import verify_log
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import LogLeaf
from transfer_service.db.session import Database

LEAVES = int(os.environ.get("TRANSFER_BENCH_LEAVES", "50000"))
PER_ACT = 500
NOW = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)
KEY = LogSigningKey(name="bench.example/log", seed=b"\x07" * 32)
PEAK = "peak"
PROC_STATUS = Path("/proc/self/status")


def fill(database: Database) -> None:
    """Append all leaves, some hundreds in a transaction, as an import of the register does."""
    entries = [
        log.Entry(leaf=LeafFields(event="notes.read", actor=uuid4(), subject=uuid4(), basis="role", role="deputy_dsl"))
        for _ in range(PER_ACT)
    ]
    for start in range(0, LEAVES, PER_ACT):
        with database.writing() as session:
            log.append_all(session, entries=entries[: LEAVES - start], now=NOW)


def check(database: Database) -> None:
    with database.reading() as session:
        report = verify_log(session, keys=[KEY.verifier])
    assert (report.size, report.problems) == (LEAVES, [])


def hash_bare(database: Database) -> Figure:
    """As many SHA-256 of the same bytes and of pairs, with every body in memory already."""
    with database.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()

    def hash_all() -> None:
        sha256, pair = hashlib.sha256, bytes(65)
        for body in bodies:
            sha256(b"\x00" + body).digest()
            sha256(pair).digest()

    return seconds_once(hash_all)


@benchmark(f"{LEAVES:,} leaves appended, SQLite", floor="the SHA-256 of these leaves and nodes in a loop")
def append(bench: Bench) -> tuple[Figure, Figure]:
    with bench.database("sqlite") as made:
        database = Database(made.url)
        ours = seconds_once(lambda: fill(database), best_of=1)
        floor = hash_bare(database)
        database.dispose()
    return ours, floor


@benchmark(f"{LEAVES:,} leaves verified, SQLite", floor="the SHA-256 of these leaves and nodes in a loop")
def verify(bench: Bench) -> tuple[Figure, Figure]:
    database = Database(bench.shared(LEAVES, lambda: filled(bench)))
    ours = seconds_once(lambda: check(database), best_of=1)
    floor = hash_bare(database)
    database.dispose()
    return ours, floor


@benchmark(f"memory of verifying {LEAVES:,} leaves", floor="the same program with the database open and nothing read")
def memory(bench: Bench) -> tuple[Figure, Figure]:
    url = bench.shared(LEAVES, lambda: filled(bench))
    return peak(url, "check"), peak(url, "nothing")


@contextmanager
def filled(bench: Bench) -> Iterator[str]:
    """The address of a database with all leaves in it."""
    with bench.database("sqlite") as made:
        database = Database(made.url)
        fill(database)
        database.dispose()
        yield made.url


def peak(url: str, what: str) -> Figure:
    """The most memory that a process of its own took."""
    command = [sys.executable, "-m", "tests.benchmarks.log_walk", what, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Figure(float(said.removeprefix(PEAK)), "MB")


def main(what: str, url: str) -> None:
    database = Database(url)
    if what == "check":
        check(database)
    else:
        with database.reading() as session:
            session.execute(select(LogLeaf.idx).limit(1)).all()
    print(PEAK, own_peak_in_kib() / 1024)


def own_peak_in_kib() -> int:
    """The most memory of this program since it began; `ru_maxrss` would count the process that started it as well."""
    if PROC_STATUS.exists():
        [line] = [line for line in PROC_STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(*sys.argv[1:])
