"""Clocks that were wrong, databases that go away in the middle, stores that do not answer or are not ours."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import OperationalError

from tests import factories
from tests.cast import Cast, Clock, Service
from tests.database import Database as MadeDatabase
from tests.integration.jobs.conftest import Post, Setting, get_alert
from transfer_service.db.models import Dispatch, Item, JobRun
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.transfer import Status
from transfer_service.jobs import runs
from transfer_service.jobs.orphans import OrphanSweep
from transfer_service.jobs.retention import Retention
from transfer_service.jobs.worker import Job, Worker
from transfer_service.storage.blobs import Storage
from transfer_service.storage.errors import StorageUnavailable
from transfer_service.storage.keys import blob_key
from transfer_service.storage.settings import FolderLocation

START = datetime(2026, 9, 7, 7, 35, tzinfo=UTC)
DAY = timedelta(days=1)
GONE = OperationalError("SELECT 1", {}, Exception("gone"))


def never() -> bool:
    return False


@pytest.fixture
def opened(database: MadeDatabase) -> Iterator[Database]:
    made = Database(database.url)
    yield made
    made.dispose()


class Work:
    """Work that counts how often it is done, and fails as often as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.count, self.failures = 0, list(failures)

    def __call__(self, should_stop: object) -> str:
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        return "did it"


def daily(work: Work) -> list[Job]:
    return [Job(name="work", every=DAY, run=work)]


def test_after_a_clock_that_was_years_ahead_jobs_run_again_at_once(opened: Database):
    clock, work = Clock(START + 1000 * DAY), Work()
    worker = Worker(daily(work), database=opened, now=clock)
    worker.run_due()
    clock.set(START)
    worker.run_due()
    assert work.count == 2
    assert worker.run_due() == DAY
    clock.set(START + DAY)
    Worker(daily(work), database=opened, now=clock).run_due()
    assert work.count == 3


def test_a_clock_that_goes_back_an_hour_does_no_daily_work_twice(opened: Database):
    clock, work = Clock(START), Work()
    Worker(daily(work), database=opened, now=clock).run_due()
    clock.move(hours=-1)
    Worker(daily(work), database=opened, now=clock).run_due()
    assert work.count == 1


def test_a_daily_job_that_an_outage_broke_off_is_done_in_minutes_and_not_tomorrow(opened: Database):
    clock, work = Clock(START), Work(GONE)
    worker = Worker(daily(work), database=opened, now=clock)
    assert worker.run_due() == timedelta(minutes=5)
    clock.move(minutes=5)
    worker.run_due()
    assert work.count == 2
    with opened.reading() as session:
        row = session.get_one(JobRun, "work")
    assert (row.outcome, row.finished_at) == ("did it", START + timedelta(minutes=5))
    clock.move(hours=23)
    worker.run_due()
    assert work.count == 2


def test_a_job_that_could_not_even_begin_is_begun_in_seconds(opened: Database, monkeypatch: pytest.MonkeyPatch):
    clock, work = Clock(START), Work()
    worker = Worker(daily(work), database=opened, now=clock)

    def locked(*_given: object, **_named: object) -> tuple[bool, datetime]:
        raise GONE

    with monkeypatch.context() as broken:
        broken.setattr(runs, "begin", locked)
        assert worker.run_due() == timedelta(seconds=5)
    clock.move(seconds=5)
    worker.run_due()
    assert work.count == 1


def test_a_daily_job_whose_worker_died_is_done_by_another_after_six_hours(opened: Database):
    clock, work = Clock(START), Work()
    assert runs.begin(opened, "work", every=DAY, now=clock())[0]
    worker = Worker(daily(work), database=opened, now=clock)
    assert worker.run_due() == timedelta(hours=6)
    assert work.count == 0
    clock.move(hours=6)
    worker.run_due()
    assert work.count == 1


def test_what_one_worker_resumes_another_does_not_begin_beside_it(opened: Database):
    clock = Clock(START)
    first, second = Work(GONE), Work()
    one = Worker(daily(first), database=opened, now=clock)
    other = Worker(daily(second), database=opened, now=clock)
    one.run_due()
    clock.move(minutes=5)
    other.run_due()
    one.run_due()
    other.run_due()
    assert (first.count, second.count) == (2, 0)


def test_postgresql_that_ends_every_connection_in_the_middle_of_a_job_is_reached_again(
    cluster_database: Database, database: MadeDatabase
):
    clock, seen = Clock(START), []

    def read_twice(_should_stop: object) -> str:
        with cluster_database.reading() as session:
            session.execute(text("SELECT 1"))
            if not seen:
                seen.append("ended")
                end_connections(database)
            session.execute(text("SELECT 1"))
        return "read"

    worker = Worker([Job(name="work", every=DAY, run=read_twice)], database=cluster_database, now=clock)
    assert worker.run_due() == timedelta(minutes=5)
    clock.move(minutes=5)
    worker.run_due()
    with cluster_database.reading() as session:
        assert session.get_one(JobRun, "work").outcome == "read"


@pytest.fixture
def cluster_database(database: MadeDatabase) -> Iterator[Database]:
    if database.kind == "sqlite":
        pytest.skip("SQLite has no connections that somebody else could end")
    made = Database(database.url)
    yield made
    made.dispose()


def end_connections(database: MadeDatabase) -> None:
    other = Database(database.url)
    with other.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()


def test_mails_that_a_clock_years_ahead_has_marked_are_sent_once_it_is_right(
    service: Service, cast: Cast, post: Post, queue: Callable
):
    right = service.clock()
    service.clock.set(right + 1000 * DAY)
    queue(AlertKind.KEY_GRANTED, cast.alma)
    assert post.run() == "sent 1, failed 0"
    waiting = queue(AlertKind.PASSWORD_CHANGED, cast.ben)
    post.mailbox.after_data = "451 later"
    post.run()
    service.clock.set(right)
    post.mailbox.after_data = "250 OK"
    later = queue(AlertKind.KEY_GRANTED, cast.alma)
    assert post.run() == "sent 2, failed 0"
    assert {get_alert(service, one).state for one in (waiting, later)} == {AlertState.SENT}


class Unreachable(Storage):
    """A store that lists and does not delete."""

    def delete(self, key: str) -> None:
        raise StorageUnavailable


def test_a_store_that_does_not_answer_keeps_no_file_from_being_shredded_and_the_sweep_takes_what_is_left(
    setting: Setting, tmp_path: Path
):
    cast = setting.cast
    for _ in range(2):
        dispatch_id = factories.dispatch_in(
            setting, Status.ACKNOWLEDGED, sender=cast.alma, receiver=cast.cora, attachments=["genogram.pdf"]
        )
        with setting.database.writing() as session:
            dispatch = session.get_one(Dispatch, dispatch_id)
            dispatch.exported_at = dispatch.filed_at = setting.clock()
    setting.clock.move(days=31)
    store = Unreachable(FolderLocation(tmp_path / "blobs"))
    assert Retention(database=setting.database, at=setting.at, store=store).run(never) == "shredded 2"
    with setting.database.reading() as session:
        assert session.scalar(select(func.count()).where(Item.blob_key.is_not(None))) == 0
    assert len(list(setting.storage.list_keys())) == 2
    setting.clock.set(datetime.now(UTC) + 2 * DAY)  # the store tells the age of a blob by the machine's own clock
    with setting.database.writing() as session:
        session.execute(delete(JobRun))  # nothing was seen before this clock, which therefore did not jump
    assert OrphanSweep(database=setting.database, at=setting.at, store=setting.storage).run(never) == "swept 2"
    assert list(setting.storage.list_keys()) == []


def test_a_store_most_of_which_the_database_does_not_know_is_not_swept(setting: Setting):
    cast = setting.cast
    factories.draft(setting, cast.alma, cast.receiving, attachments=["genogram.pdf"])
    for _ in range(21):
        setting.storage.put_new(blob_key(uuid4()), [b"sealed by another database"])
    setting.clock.set(datetime.now(UTC) + 2 * DAY)
    sweep = OrphanSweep(database=setting.database, at=setting.at, store=setting.storage)
    assert sweep.run(never).startswith("left 21 of 22: no row names them.")
    assert len(list(setting.storage.list_keys())) == 22
    for key in [key for key in setting.storage.list_keys() if key not in named(setting)][:1]:
        setting.storage.delete(key)
    assert sweep.run(never) == "swept 20"
    assert set(setting.storage.list_keys()) == named(setting)


def named(setting: Setting) -> set[str]:
    with setting.database.reading() as session:
        return set(session.scalars(select(Item.blob_key).where(Item.blob_key.is_not(None))))


def test_two_workers_that_shred_at_once_shred_each_file_once(setting: Setting, tmp_path: Path):
    cast = setting.cast
    for _ in range(4):
        dispatch_id = factories.dispatch_in(setting, Status.ACKNOWLEDGED, sender=cast.alma, receiver=cast.cora)
        with setting.database.writing() as session:
            session.execute(
                update(Dispatch)
                .where(Dispatch.id == dispatch_id)
                .values(exported_at=setting.clock(), filed_at=setting.clock())
            )
    setting.clock.move(days=31)
    start, shredded = threading.Barrier(2), []

    def work() -> None:
        start.wait()
        job = Retention(database=setting.database, at=setting.at, store=setting.storage)
        shredded.extend(one.dispatch_id for one in job.shred_due())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shredded) == len(set(shredded)) == 4
