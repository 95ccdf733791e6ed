"""The authority's pages of a long log that several authorities share: what is on them, and what finding it costs.

The log is made in bulk: of every hundred leaves one is of the authority that looks, in its own name or in one of its
twelve schools; one school of another authority has half of all. The cost is held as the database itself tells it, not
as time. TRANSFER_TESTS_LOG_PAGES says how many leaves, where it is not a few ten thousand.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from tests.database import migrated_database
from transfer_service.audit.receipts import find_earlier_receipt
from transfer_service.db.models import Authority, LogCheckpoint, LogLeaf, School
from transfer_service.db.queries.log import Wanted
from transfer_service.db.queries.log_pages import list_leaves
from transfer_service.db.session import Database

SIZE = int(os.environ.get("TRANSFER_TESTS_LOG_PAGES", "60000"))
AT_ONCE = 20_000
NOW = datetime(2026, 9, 3, 8, tzinfo=UTC)
OURS, OTHERS = UUID(int=1), UUID(int=2)
SCHOOLS = [UUID(int=100 + number) for number in range(12)]
BUSY = UUID(int=500)
OTHER_SCHOOLS = [BUSY, *(UUID(int=501 + number) for number in range(40))]
HERS = UUID(int=900)
"""A person of ours, who does one act in four hundred."""
TRANSFER = UUID(int=7_000)
EVENTS = ("dispatch.sent", "notes.read", "alert.sent", "receipt.downloaded")
LINES = 51


def leaf(idx: int) -> dict[str, Any]:
    if idx % 100 == 7:
        turn = idx // 100
        org = OURS if turn % 13 == 12 else SCHOOLS[turn % 13]
        actor = HERS if turn % 4 == 0 else UUID(int=901 + turn % 50)
        transfer = TRANSFER if turn % 200 == 3 else UUID(int=8_000 + turn % 700)
    else:
        org = BUSY if idx % 2 else OTHER_SCHOOLS[idx % 41]
        actor, transfer = UUID(int=2_000 + idx % 3_000), UUID(int=20_000 + idx % 9_000)
    kind = "pupil_name.shown" if idx % 20_000 == 4_007 else EVENTS[idx // 100 % 4]
    return {
        "idx": idx, "body": b"{}", "hash": bytes(32), "at": NOW + timedelta(seconds=idx), "event": kind, "org": org,
        "actor": actor, "transfer": transfer, "subject": transfer, "erases": None,
    }  # fmt: skip


def is_ours(row: dict[str, Any]) -> bool:
    return row["org"] == OURS or row["org"] in SCHOOLS


def school(place: UUID, number: int, authority: UUID) -> dict[str, Any]:
    return {
        "id": place, "urn": f"{200_000 + number}", "name": f"School {number}", "search_name": f"school {number}",
        "authority_id": authority, "la_code": "937", "status": "Open",
    }  # fmt: skip


@dataclass(frozen=True)
class Long:
    database: Database
    kind: str

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.database.reading() as session:
            yield session


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, run_folder, tmp_path_factory) -> Iterator[Long]:
    """Written past the guards, by whoever owns the tables, and then analysed as a database does by itself."""
    folder = tmp_path_factory.mktemp("long")
    with migrated_database(request.param, run_folder=run_folder, folder=folder) as made:
        owner = Database(made.owner_url or made.url)
        with owner.writing() as session:
            take_guard_away(session, made.kind)
            session.execute(
                insert(Authority),
                [
                    {"id": one, "la_code": code, "name": f"Authority {code}", "enrolled_at": NOW}
                    for one, code in ((OURS, "937"), (OTHERS, "330"))
                ],
            )
            places = [*((one, OURS) for one in SCHOOLS), *((one, OTHERS) for one in OTHER_SCHOOLS)]
            session.execute(insert(School), [school(one, number, of) for number, (one, of) in enumerate(places)])
            for start in range(0, SIZE, AT_ONCE):
                session.execute(insert(LogLeaf), [leaf(idx) for idx in range(start, start + AT_ONCE)])
        with owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
        owner.dispose()
        database = Database(made.url)
        yield Long(database, made.kind)
        database.dispose()


def take_guard_away(session: Session, kind: str) -> None:
    if kind == "postgresql":
        session.execute(text("ALTER TABLE log_leaf DISABLE TRIGGER USER"))
    else:
        session.execute(text("DROP TRIGGER guard_log_leaf_insert"))


PAGES: dict[str, tuple[Wanted, Callable[[dict[str, Any]], bool]]] = {
    "everything": (Wanted(authority_id=OURS), is_ours),
    "event": (
        Wanted(authority_id=OURS, event="notes.read"),
        lambda row: is_ours(row) and row["event"] == "notes.read",
    ),
    "rare event": (
        Wanted(authority_id=OURS, event="pupil_name.shown"),
        lambda row: is_ours(row) and row["event"] == "pupil_name.shown",
    ),
    "no such event": (Wanted(authority_id=OURS, event="restored"), lambda row: False),
    "school": (Wanted(authority_id=OURS, school_id=SCHOOLS[3]), lambda row: row["org"] == SCHOOLS[3]),
    "school and event": (
        Wanted(authority_id=OURS, school_id=SCHOOLS[3], event="alert.sent"),
        lambda row: row["org"] == SCHOOLS[3] and row["event"] == "alert.sent",
    ),
    "person": (Wanted(authority_id=OURS, person_id=HERS), lambda row: is_ours(row) and row["actor"] == HERS),
    "person, school and event": (
        Wanted(authority_id=OURS, person_id=HERS, school_id=SCHOOLS[4], event="dispatch.sent"),
        lambda row: row["actor"] == HERS and row["org"] == SCHOOLS[4] and row["event"] == "dispatch.sent",
    ),
    "transfer": (
        Wanted(authority_id=OURS, transfer_id=TRANSFER),
        lambda row: is_ours(row) and row["transfer"] == TRANSFER,
    ),
    "transfer and person": (
        Wanted(authority_id=OURS, transfer_id=TRANSFER, person_id=UUID(int=904)),
        lambda row: row["transfer"] == TRANSFER and row["actor"] == UUID(int=904),
    ),
    "days": (
        Wanted(authority_id=OURS, since=NOW + timedelta(hours=5), until=NOW + timedelta(hours=29)),
        lambda row: is_ours(row) and 5 * 3600 <= row["idx"] < 29 * 3600,
    ),
    "days of a school": (
        Wanted(
            authority_id=OURS, school_id=SCHOOLS[1], since=NOW + timedelta(hours=5), until=NOW + timedelta(hours=29)
        ),
        lambda row: row["org"] == SCHOOLS[1] and 5 * 3600 <= row["idx"] < 29 * 3600,
    ),
    "days before the log": (Wanted(authority_id=OURS, until=NOW - timedelta(days=1)), lambda row: False),
    "days after the log": (Wanted(authority_id=OURS, since=NOW + timedelta(days=9)), lambda row: False),
}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [leaf(idx) for idx in range(SIZE)]


@pytest.mark.parametrize("before", [None, SIZE // 2, 5_000])
@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_holds_the_newest_of_what_was_asked_for(log: Long, rows, name: str, before: int | None):
    wanted, belongs = PAGES[name]
    expected = [row["idx"] for row in reversed(rows[:before]) if belongs(row)][:LINES]
    with log.reading() as session:
        assert [row.idx for row in list_leaves(session, wanted, before=before, limit=LINES)] == expected


def test_pages_one_after_the_other_leave_nothing_out(log: Long, rows):
    found: list[int] = []
    before = None
    with log.reading() as session:
        while page := list_leaves(session, Wanted(authority_id=OURS), before=before, limit=40):
            found += [row.idx for row in page]
            before = page[-1].idx
    assert found == [row["idx"] for row in reversed(rows) if is_ours(row)]
    assert all(one > other for one, other in pairwise(found))


@contextmanager
def statements(log: Long) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if "log_leaf" in statement:
            seen.append((statement, parameters))

    event.listen(log.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(log.database.engine, "before_cursor_execute", note)


MOST_STEPS = 150_000
"""Of SQLite's machine: a walk over the leaves of the other authority takes some millions."""
MOST_ROWS = 4_000
"""Leaves or entries of an index that PostgreSQL looks at: 13 places with 51 lines each, and as many again."""


def cost_on_sqlite(log: Long, look: Callable[[Session], object]) -> int:
    """How many steps SQLite's machine makes for a look, and that no plan reads the whole table."""
    steps = [0]
    with statements(log) as seen, log.reading() as session:
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)

        def count() -> int:
            steps[0] += 100
            return 0

        driver.set_progress_handler(count, 100)
        look(session)
        driver.set_progress_handler(None, 0)
        for statement, parameters in list(seen):
            plan = [line[3] for line in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert [line for line in plan if line.startswith("SCAN log_leaf")] == [], (statement, plan)
    return steps[0]


def cost_on_postgresql(log: Long, look: Callable[[Session], object]) -> int:
    """How many leaves and entries of indexes PostgreSQL looks at, and that it never scans the whole table."""
    with statements(log) as seen, log.reading() as session:
        look(session)
        plans = [
            session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
            for statement, parameters in list(seen)
        ]
    return sum(rows_of(node) for plan in plans for node in plan_nodes(plan))


def plan_nodes(plans: list[Any]) -> Iterator[dict[str, Any]]:
    waiting = [one["Plan"] for one in plans]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        yield node


def rows_of(node: dict[str, Any]) -> int:
    if node.get("Relation Name") != "log_leaf" and "log_leaf" not in node.get("Index Name", ""):
        return 0
    assert node["Node Type"] != "Seq Scan", node
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


def check_cost(log: Long, look: Callable[[Session], object]) -> None:
    if log.kind == "sqlite":
        assert cost_on_sqlite(log, look) <= MOST_STEPS
    else:
        assert cost_on_postgresql(log, look) <= MOST_ROWS


@pytest.mark.parametrize("before", [None, SIZE // 2])
@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_is_found_by_indexes_and_walks_no_leaf_of_another_authority(log: Long, name: str, before: int | None):
    check_cost(log, lambda session: list_leaves(session, PAGES[name][0], before=before, limit=LINES))


def test_the_walk_that_is_avoided_would_be_noticed(log: Long):
    """The same page asked for in the simple way: newest first, until there are enough of the authority's."""
    places = select(School.id).where(School.authority_id == OURS)
    simple = (
        select(LogLeaf.idx)
        .where(LogLeaf.event == "pupil_name.shown", LogLeaf.idx < 100_000)
        .where((LogLeaf.org == OURS) | LogLeaf.org.in_(places) | (LogLeaf.body == b"none"))
    )
    walk = select(LogLeaf.idx).where(LogLeaf.body != b"{}", LogLeaf.idx > 0).order_by(LogLeaf.idx.desc()).limit(LINES)
    with pytest.raises(AssertionError):
        check_cost(log, lambda session: (session.execute(simple).all(), session.execute(walk).all()))


def test_the_receipt_before_is_found_by_indexes_in_a_school_with_many_leaves(log: Long):
    with log.database.writing() as session:
        session.add(LogCheckpoint(size=0, note=b"", signed_at=NOW))
    events = ("dispatch.sent", "dispatch.opened", "dispatch.acknowledged", "pupil_name.shown")
    check_cost(log, lambda session: find_earlier_receipt(session, 100_000, org=BUSY, events=events))
