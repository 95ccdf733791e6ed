"""The only BEGIN and COMMIT: what a reading session cannot do, and what a writing one leaves when it fails."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
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


def test_an_address_without_a_driver_gets_psycopg():
    assert with_driver("postgresql://u@localhost/t") == "postgresql+psycopg://u@localhost/t"
    assert with_driver("postgres://u@localhost/t") == "postgresql+psycopg://u@localhost/t"
    assert with_driver("sqlite:///x.db") == "sqlite:///x.db"
