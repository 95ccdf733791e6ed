"""The only BEGIN and COMMIT: what a reading session cannot do, and what a writing one leaves when it fails."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from transfer_service.db.models import JobRun
from transfer_service.db.session import Database, with_driver

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
