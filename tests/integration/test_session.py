"""The only BEGIN and COMMIT: what a reading session cannot do, and what a writing one leaves when it fails."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from transfer_service.cli.exits import REFUSED, explain
from transfer_service.db.models import JobRun
from transfer_service.db.outages import has_no_room, is_outage
from transfer_service.db.session import Database, with_driver
from transfer_service.domain.errors import OutcomeUnknown

AT = datetime(2026, 9, 3, 14, 5, tzinfo=UTC)


@pytest.fixture
def opened(database):
    opened = Database(database.url)
    yield opened
    opened.dispose()


def count(opened):
    with opened.reading() as session:
        return session.scalar(select(func.count()).select_from(JobRun))


def test_a_writing_session_commits_at_the_end_of_its_block(opened):
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT))
    assert count(opened) == 1


def test_a_writing_session_that_fails_leaves_nothing(opened):
    with pytest.raises(RuntimeError, match="last step"), opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT))
        session.flush()
        raise RuntimeError("the last step failed")
    assert count(opened) == 0


def test_a_reading_session_cannot_write(opened):
    with pytest.raises(DBAPIError), opened.reading() as session:
        session.add(JobRun(name="alerts", started_at=AT))
        session.flush()
    assert count(opened) == 0


def test_a_session_can_write_after_one_could_only_read(opened):
    assert count(opened) == 0
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT))
    assert count(opened) == 1


def test_a_reading_session_sees_one_moment(opened):
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT))
    with opened.reading() as reader:
        assert reader.scalar(select(func.count()).select_from(JobRun)) == 1
        with opened.writing() as writer:
            writer.add(JobRun(name="signer", started_at=AT))
        assert reader.scalar(select(func.count()).select_from(JobRun)) == 1
    assert count(opened) == 2


def test_writers_of_one_process_take_turns_and_lose_nothing(opened):
    def add(number):
        with opened.writing() as session:
            seen = session.scalar(select(func.count()).select_from(JobRun))
            session.add(JobRun(name=f"job {number}", started_at=AT, outcome=str(seen)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count(opened) == 16


def change_meanwhile(opened, session, outcome):
    """Let somebody else change the row: at the same time where the database lets two write, else by hand."""
    change = update(JobRun).where(JobRun.name == "alerts").values(outcome=outcome)
    if opened.is_sqlite:
        session.connection().execute(change)
        return
    with opened.writing() as other:
        other.execute(change)


@pytest.mark.parametrize(
    "lock",
    [
        lambda session: session.get(JobRun, "alerts", with_for_update=True),
        lambda session: session.scalars(select(JobRun).with_for_update()).one(),
        lambda session: session.execute(select(JobRun, JobRun.name).with_for_update()).one()[0],
    ],
)
def test_a_row_that_is_locked_is_read_again_although_it_was_read_before(opened, lock):
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT, outcome="as it was"))
    with opened.writing() as session:
        row = session.get_one(JobRun, "alerts")
        change_meanwhile(opened, session, "changed")
        assert row.outcome == "as it was"
        assert session.scalars(select(JobRun)).one().outcome == "as it was"
        assert lock(session) is row
        assert row.outcome == "changed"


def test_what_a_session_changed_itself_is_not_lost_when_it_locks_the_row(opened):
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT, outcome="as it was"))
    with opened.writing() as session:
        session.get_one(JobRun, "alerts").outcome = "mine"
        assert session.get_one(JobRun, "alerts", with_for_update=True).outcome == "mine"


def test_an_address_without_a_driver_gets_psycopg():
    assert with_driver("postgresql://u@localhost/t") == "postgresql+psycopg://u@localhost/t"
    assert with_driver("postgres://u@localhost/t") == "postgresql+psycopg://u@localhost/t"
    assert with_driver("sqlite:///x.db") == "sqlite:///x.db"


def end_connection(opened, session):
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    with opened.reading() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


@pytest.fixture
def over_a_network(opened):
    if opened.is_sqlite:
        pytest.skip("SQLite has no connection that could be lost")
    return opened


def test_a_connection_lost_before_the_commit_is_known_to_have_left_nothing(over_a_network):
    with pytest.raises(OperationalError) as lost, over_a_network.writing() as session:
        end_connection(over_a_network, session)
        session.add(JobRun(name="alerts", started_at=AT))
    assert is_outage(lost.value)
    assert count(over_a_network) == 0


def test_of_a_connection_lost_at_the_commit_nobody_says_that_nothing_was_changed(over_a_network):
    with pytest.raises(OutcomeUnknown) as lost, over_a_network.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT))
        session.flush()
        end_connection(over_a_network, session)
    assert is_outage(lost.value)
    assert "not known whether this was recorded" in lost.value.sentence
    with over_a_network.writing() as session:
        session.add(JobRun(name="signer", started_at=AT))
    with over_a_network.reading() as session:
        assert session.get(JobRun, "signer") is not None


def test_a_database_that_may_only_be_read_just_now_is_an_outage(over_a_network):
    """As on a standby, to which the address leads for a while after a failover."""
    with pytest.raises(DBAPIError) as refused, over_a_network.writing() as session:
        session.execute(text("SET TRANSACTION READ ONLY"))
        session.add(JobRun(name="alerts", started_at=AT))
    assert refused.value.orig.sqlstate == "25006"
    assert is_outage(refused.value)


def test_postgresql_says_in_its_own_way_that_the_disk_is_full():
    class DiskFull(Exception):
        sqlstate = "53100"

    class Busy(Exception):
        sqlstate = "55P03"

    assert has_no_room(OperationalError("INSERT", {}, DiskFull()))
    assert not has_no_room(OperationalError("INSERT", {}, Busy()))
    assert not has_no_room(DiskFull())


def test_a_disk_that_fills_up_leaves_nothing_and_is_an_outage_until_there_is_room(sqlite_database):
    opened = Database(sqlite_database.url)
    with opened.reading() as session:
        pages = session.scalar(text("PRAGMA page_count"))
    with pytest.raises(OperationalError) as full, opened.writing() as session:
        session.execute(text(f"PRAGMA max_page_count={pages}"))
        session.add(JobRun(name="alerts", started_at=AT))
        session.flush()
        session.add(JobRun(name="signer", started_at=AT, outcome="x" * 1_000_000))
    assert full.value.orig.sqlite_errorname == "SQLITE_FULL"
    assert is_outage(full.value)
    assert explain(full.value) == (
        "The disk of the database is full, and nothing was done. Make room on it, then try again.",
        REFUSED,
    )
    assert count(opened) == 0
    with opened.writing() as session:
        session.execute(text("PRAGMA max_page_count=1000000"))
        session.add(JobRun(name="signer", started_at=AT, outcome="x" * 1_000_000))
    assert count(opened) == 1
    opened.dispose()


def test_whoever_waits_for_somebody_that_hangs_is_told_so_after_a_while(database, opened):
    other = Database(database.url, lock_wait=timedelta(seconds=0.2))
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=AT))
    with opened.writing() as hanging:
        hanging.execute(update(JobRun).values(outcome="hanging"))
        with pytest.raises(OperationalError) as refused, other.writing() as session:
            session.execute(update(JobRun).values(outcome="waiting"))
        assert is_outage(refused.value)
    other.dispose()


def test_a_postgresql_that_does_not_answer_is_not_waited_for_long_unless_its_address_says_so(monkeypatch):
    asked = []

    def connect(*_given, **options):
        asked.append(options)
        raise psycopg.OperationalError("nobody there")

    monkeypatch.setattr(psycopg, "connect", connect)
    for address in ("postgresql://a@192.0.2.1/d", "postgresql://a@192.0.2.1/d?connect_timeout=60"):
        opened = Database(address)
        with pytest.raises(OperationalError), opened.reading():
            pass
    first, second = asked
    assert (first["connect_timeout"], first["tcp_user_timeout"]) == (5, 30_000)
    assert (second["connect_timeout"], second["tcp_user_timeout"]) == ("60", 30_000)
