"""Appending to the log, and computing its root."""

import hashlib
import itertools
import os
import sqlite3
import threading
from datetime import UTC, datetime
from uuid import uuid4

import psycopg

from tests.benchmarks.measuring import Bench, Figure, benchmark, calls_per_second, seconds_once
from transfer_service.audit import log
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.tree import append_to_frontier, hash_leaf, root_of_frontier
from transfer_service.db.session import Database

NOW = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)
BODY = b'{"actor":"0198c1de-0000-7000-8000-000000000000","at":"2026-09-07T09:00:00.000000Z","event":"notes.read"}'
BARE_TABLES = (
    "CREATE TABLE bare_head (id INTEGER PRIMARY KEY, size BIGINT NOT NULL, frontier {bytes} NOT NULL)",
    "CREATE TABLE bare_leaf (idx BIGINT PRIMARY KEY, body {bytes} NOT NULL, hash {bytes} NOT NULL)",
    "INSERT INTO bare_head VALUES (1, 0, {empty})",
)
LEAVES = 200_000


def append_ours(database: Database) -> None:
    with database.writing() as session:
        leaf = LeafFields(event="notes.read", actor=uuid4(), subject=uuid4(), basis="role", role="deputy_dsl")
        log.append(session, leaf=leaf, now=NOW)


@benchmark("log appends, PostgreSQL, 16 writers", floor="the same three statements in a transaction, psycopg alone")
def append_postgresql(bench: Bench) -> tuple[Figure, Figure]:
    with bench.database("postgresql") as made:
        database = Database(made.url, pool_size=16)
        ours = calls_per_second(lambda: append_ours(database), threads=16)
        database.dispose()
        assert made.owner_url is not None
        address = made.owner_url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(address) as connection:
            for statement in BARE_TABLES:
                connection.execute(statement.format(bytes="bytea", empty="''"))
        connections = threading.local()

        def append_bare() -> None:
            if not hasattr(connections, "mine"):
                connections.mine = psycopg.connect(address)
            with connections.mine.transaction():
                cursor = connections.mine.execute("SELECT size FROM bare_head WHERE id = 1 FOR UPDATE")
                (size,) = cursor.fetchone()
                leaf = (size, BODY, hashlib.sha256(BODY).digest())
                connections.mine.execute("INSERT INTO bare_leaf VALUES (%s, %s, %s)", leaf)
                connections.mine.execute("UPDATE bare_head SET size = %s, frontier = %s", (size + 1, os.urandom(320)))

        floor = calls_per_second(append_bare, threads=16)
    return ours, floor


@benchmark("log appends, SQLite, 4 writers", floor="the same three statements behind one lock, sqlite3 alone")
def append_sqlite(bench: Bench) -> tuple[Figure, Figure]:
    with bench.database("sqlite") as made:
        database = Database(made.url)
        ours = calls_per_second(lambda: append_ours(database), threads=4)
        database.dispose()
        path = made.url.removeprefix("sqlite:///")
        bare = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        bare.execute("PRAGMA synchronous=FULL")
        for statement in BARE_TABLES:
            bare.execute(statement.format(bytes="BLOB", empty="x''"))
        lock = threading.Lock()

        def append_bare() -> None:
            with lock:
                bare.execute("BEGIN IMMEDIATE")
                (size,) = bare.execute("SELECT size FROM bare_head WHERE id = 1").fetchone()
                leaf = (size, BODY, hashlib.sha256(BODY).digest())
                bare.execute("INSERT INTO bare_leaf VALUES (?, ?, ?)", leaf)
                bare.execute("UPDATE bare_head SET size = ?, frontier = ?", (size + 1, os.urandom(320)))
                bare.execute("COMMIT")

        floor = calls_per_second(append_bare, threads=4)
        bare.close()
    return ours, floor


@benchmark(f"the root of {LEAVES:,} leaves", floor="as many SHA-256 of the same lengths in a loop")
def root(bench: Bench) -> tuple[Figure, Figure]:
    bodies = [BODY + str(number).encode() for number in range(LEAVES)]

    def ours() -> bytes:
        frontier: list[bytes] = []
        for size, body in enumerate(bodies):
            append_to_frontier(frontier, size, hash_leaf(body))
        return root_of_frontier(frontier)

    def floor() -> None:
        sha256 = hashlib.sha256
        pair = bytes(65)
        for body in itertools.chain(bodies):
            sha256(body).digest()
            sha256(pair).digest()

    return seconds_once(ours), seconds_once(floor)
