"""What goes into a column comes out again, alike on SQLite and PostgreSQL."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from sqlalchemy.exc import StatementError

from transfer_service.db.models import Authority, JobRun, School, Term
from transfer_service.db.session import Database

AUTHORITY = UUID("01990000-0000-7000-8000-000000000937")
TERM = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def opened(database):
    opened = Database(database.url)
    yield opened
    opened.dispose()


def test_ids_days_flags_and_json_come_back_as_they_were(opened):
    rules = {"in_year": {"length": 5, "unit": "school_days"}}
    with opened.writing() as session:
        session.add(Authority(id=AUTHORITY, la_code="937", name="Warwickshire", clock_rules=rules))
        session.flush()
        term = Term(id=TERM, authority_id=AUTHORITY, starts_on=date(2026, 9, 2), ends_on=date(2026, 10, 23))
        term.begins_new_term = False
        session.add(term)
    with opened.reading() as session:
        term = session.get_one(Term, TERM)
        assert (term.authority_id, term.starts_on, term.ends_on) == (AUTHORITY, date(2026, 9, 2), date(2026, 10, 23))
        assert term.begins_new_term is False
        assert session.get_one(Authority, AUTHORITY).clock_rules == rules
        assert session.get_one(Authority, AUTHORITY).enrolled_at is None


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 9, 3, 14, 5, 6, 789012, tzinfo=UTC),
        datetime(1931, 1, 2, 3, 4, 5, 1, tzinfo=UTC),
        datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
    ],
    ids=["microseconds", "before 1970", "summer time"],
)
def test_a_moment_comes_back_as_the_same_moment_in_utc(opened, moment):
    with opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=moment))
    with opened.reading() as session:
        stored = session.get_one(JobRun, "alerts").started_at
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(opened):
    naive = datetime(2026, 9, 3, 14, 5)  # noqa: DTZ001 - this is what must be refused
    with pytest.raises(StatementError, match="without a zone"), opened.writing() as session:
        session.add(JobRun(name="alerts", started_at=naive))


def test_sqlite_refuses_a_value_of_another_type(sqlite_database):
    opened = Database(sqlite_database.url)
    try:
        with pytest.raises(Exception, match="cannot store TEXT value in INTEGER column"), opened.writing() as session:
            session.connection().exec_driver_sql("INSERT INTO job_run VALUES ('alerts', 'soon', NULL, '')")
    finally:
        opened.dispose()


def test_every_table_is_strict_in_sqlite():
    assert all(table.dialect_options["sqlite"]["strict"] for table in School.metadata.tables.values())
