"""Many writers at once, of whom some give up and some are killed: the log stays one gapless tree, act by act."""

import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from tests.database import Database as MadeDatabase
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import append
from transfer_service.audit.tree import append_to_frontier, hash_leaf, root_of_frontier, split_frontier
from transfer_service.audit.verify import verify_log
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import JobRun, LogHead, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.errors import OutcomeUnknown

NOW = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)
KEY = LogSigningKey(name="transfer.example/log", seed=b"\x07" * 32)
ACTS_EACH = 25


class GaveUp(Exception):
    """What a writer raises between its act and its commit."""


def act(database: Database, chance: random.Random) -> None:
    """One act and its leaf in one transaction, which one time in four is given up at its end."""
    number = uuid4()
    with database.writing() as session:
        session.add(JobRun(name=str(number), started_at=NOW))
        append(session, leaf=LeafFields(event="transfer.changed", subject=number), now=datetime.now(UTC))
        if chance.random() < 0.25:
            raise GaveUp


def write_many(database: Database, seed: int, survived: list[int], failures: list[BaseException]) -> None:
    chance = random.Random(seed)
    for _ in range(ACTS_EACH):
        try:
            act(database, chance)
            survived.append(seed)
        except GaveUp:
            pass
        except (DBAPIError, OutcomeUnknown):
            pass  # the connection was killed under it, perhaps while it committed
        except BaseException as error:
            failures.append(error)
            raise


def run_writers(database: Database, count: int) -> int:
    survived: list[int] = []
    failures: list[BaseException] = []
    threads = [threading.Thread(target=write_many, args=(database, seed, survived, failures)) for seed in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return len(survived)


def check_all(database: Database) -> int:
    """Gapless; the same root from scratch; no act without its leaf and no leaf without its act. Returns the size."""
    frontier: list[bytes] = []
    with database.reading() as session:
        rows = session.execute(select(LogLeaf.idx, LogLeaf.body, LogLeaf.subject).order_by(LogLeaf.idx)).all()
        acts = {UUID(name) for name in session.scalars(select(JobRun.name))}
        head = session.execute(select(LogHead.size, LogHead.frontier)).one()
        report = verify_log(session, keys=[KEY.verifier])
    assert [row.idx for row in rows] == list(range(len(rows)))
    for row in rows:
        append_to_frontier(frontier, row.idx, hash_leaf(row.body))
    assert head.size == len(rows)
    assert root_of_frontier(split_frontier(head.frontier)) == root_of_frontier(frontier) == report.root
    assert report.problems == []
    subjects = [row.subject for row in rows]
    assert len(set(subjects)) == len(subjects)
    assert set(subjects) == acts
    return len(rows)


def kill_connections(made: MadeDatabase, until: threading.Event, killed: list[int]) -> None:
    """End connections of the writers by force, a random one every few milliseconds."""
    name = made.url.rsplit("/", 1)[1]
    address = made.owner_url.replace("postgresql+psycopg", "postgresql")
    port = int(address.rsplit(":", 1)[1].split("/", maxsplit=1)[0])
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        while not until.wait(0.05):
            row = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
                "AND state IN ('active', 'idle in transaction') ORDER BY random() LIMIT 1",
                (name,),
            ).fetchone()
            if row is not None:
                killed.append(1)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_sixteen_writers_with_rollbacks_and_killed_connections_leave_one_gapless_log(database: MadeDatabase):
    reached = Database(database.url, pool_size=16)
    until, killed = threading.Event(), []
    killer = threading.Thread(target=kill_connections, args=(database, until, killed))
    killer.start()
    try:
        survived = run_writers(reached, 16)
    finally:
        until.set()
        killer.join()
    assert killed
    # A commit whose answer was cut off may have happened all the same.
    assert survived <= check_all(reached) <= survived + len(killed)
    assert survived > 16
    reached.dispose()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_eight_threads_with_rollbacks_on_sqlite_leave_one_gapless_log(database: MadeDatabase):
    reached = Database(database.url)
    survived = run_writers(reached, 8)
    assert check_all(reached) == survived
    assert survived > 8 * ACTS_EACH // 2
    reached.dispose()


WRITER = """
import random, sys
from tests.integration.audit.test_concurrency import GaveUp, act
from transfer_service.db.session import Database
database, chance = Database(sys.argv[1]), random.Random()
while True:
    try:
        act(database, chance)
    except GaveUp:
        pass
"""


def test_processes_killed_in_the_middle_leave_no_act_without_its_leaf_and_no_leaf_without_its_act(
    database: MadeDatabase,
):
    reached = Database(database.url)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, database.url]) for _ in range(2)]
    try:
        ends = time.monotonic() + 120
        while size(reached) < 40:
            assert time.monotonic() < ends
            time.sleep(0.05)
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
    grown = check_all(reached)
    assert grown >= 40
    with reached.writing() as session:
        number = uuid4()
        session.add(JobRun(name=str(number), started_at=NOW))
        append(session, leaf=LeafFields(event="transfer.changed", subject=number), now=datetime.now(UTC))
    assert check_all(reached) == grown + 1
    reached.dispose()


def size(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.coalesce(LogHead.size, 0)))
