import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.cast import Clock
from tests.database import Database as MadeDatabase
from transfer_service.db.models import JobRun
from transfer_service.db.session import Database
from transfer_service.jobs import runs
from transfer_service.jobs.worker import Job, Worker

START = datetime(2026, 9, 7, 7, 35, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def opened(database: MadeDatabase) -> Iterator[Database]:
    made = Database(database.url)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


class Counted:
    """Work that counts how often it is done, and does in it what it is told."""

    def __init__(self, outcome: str = "", raises: Exception | None = None) -> None:
        self.count, self.outcome, self.raises = 0, outcome, raises

    def __call__(self, should_stop: object) -> str:
        self.count += 1
        if self.raises:
            raise self.raises
        return self.outcome


def notes(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return {row.name: row.outcome for row in session.scalars(select(JobRun))}


def test_a_job_runs_at_once_and_then_as_often_as_it_should(opened: Database, clock: Clock):
    work = Counted("did it")
    worker = Worker([Job(name="work", every=HOUR, run=work)], database=opened, now=clock)
    assert worker.run_due() == HOUR
    clock.move(minutes=59)
    assert worker.run_due() == timedelta(minutes=1)
    assert work.count == 1
    clock.move(minutes=1)
    worker.run_due()
    assert work.count == 2
    assert notes(opened) == {"work": "did it"}


def test_of_several_workers_one_does_a_shared_job_and_each_does_the_others(opened: Database, clock: Clock):
    shared, own = Counted(), Counted()
    jobs = [Job(name="shared", every=HOUR, run=shared), Job(name="own", every=HOUR, run=own, shared=False)]
    workers = [Worker(jobs, database=opened, now=clock) for _ in range(3)]
    for worker in workers:
        worker.run_due()
    assert (shared.count, own.count) == (1, 3)
    clock.move(hours=1)
    for worker in workers:
        worker.run_due()
    assert (shared.count, own.count) == (2, 6)


def test_a_shared_job_whose_worker_died_is_done_by_the_next(opened: Database, clock: Clock):
    assert runs.begin(opened, "work", every=HOUR, now=clock()) == (True, START + HOUR)
    work = Counted()
    worker = Worker([Job(name="work", every=HOUR, run=work)], database=opened, now=clock)
    assert worker.run_due() == HOUR
    assert work.count == 0
    clock.move(hours=1)
    worker.run_due()
    assert work.count == 1


def test_the_first_run_ever_is_begun_by_one_worker_alone(opened: Database, clock: Clock):
    begun: list[bool] = []
    start = threading.Barrier(4)

    def begin() -> None:
        start.wait()
        begun.append(runs.begin(opened, "work", every=HOUR, now=clock())[0])

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [False, False, False, True]


def test_a_job_that_fails_stops_no_other_and_is_tried_again(opened: Database, clock: Clock):
    failing, good = Counted(raises=ValueError("with a name in it")), Counted("fine")
    jobs = [Job(name="failing", every=HOUR, run=failing), Job(name="good", every=HOUR, run=good)]
    worker = Worker(jobs, database=opened, now=clock)
    worker.run_due()
    assert notes(opened) == {"failing": "failed: ValueError", "good": "fine"}
    clock.move(hours=1)
    worker.run_due()
    assert (failing.count, good.count) == (2, 2)


def test_while_the_database_is_out_of_reach_the_worker_waits_and_goes_on(opened: Database, clock: Clock):
    outage = Counted(raises=OperationalError("SELECT 1", {}, Exception("gone")))
    worker = Worker(
        [Job(name="alerts", every=timedelta(seconds=2), run=outage, shared=False)], database=opened, now=clock
    )
    assert worker.run_due() == timedelta(seconds=5)
    outage.raises = None
    clock.move(seconds=5)
    worker.run_due()
    assert outage.count == 2


def test_work_of_every_second_is_noted_once_a_minute_or_when_it_did_something(opened: Database, clock: Clock):
    work = Counted()
    worker = Worker(
        [Job(name="signer", every=timedelta(seconds=1), run=work, shared=False)], database=opened, now=clock
    )
    started = []
    for _ in range(125):
        worker.run_due()
        with opened.reading() as session:
            started.append(session.get_one(JobRun, "signer").started_at)
        clock.move(seconds=1)
    assert sorted(set(started)) == [START, START + timedelta(minutes=1), START + timedelta(minutes=2)]
    work.outcome = "signed 7"
    worker.run_due()
    assert notes(opened) == {"signer": "signed 7"}


def test_stopping_ends_the_loop_after_what_is_in_hand(opened: Database, clock: Clock):
    begun, finish, done = threading.Event(), threading.Event(), []

    def work(should_stop: object) -> str:
        begun.set()
        finish.wait(10)
        done.append(True)
        return ""

    later = Counted()
    jobs = [
        Job(name="work", every=HOUR, run=work, shared=False),
        Job(name="later", every=HOUR, run=later, shared=False),
    ]
    worker = Worker(jobs, database=opened, now=clock)
    thread = threading.Thread(target=worker.run)
    thread.start()
    begun.wait(10)
    worker.stop()
    finish.set()
    thread.join(10)
    assert not thread.is_alive()
    assert done == [True]
    assert later.count == 0


def test_a_job_that_hangs_keeps_no_other_lane_waiting_and_is_finished_before_the_worker_ends(opened: Database):
    begun, finish, done = threading.Event(), threading.Event(), []
    signed, later = threading.Event(), Counted()

    def hang(should_stop: object) -> str:
        begun.set()
        finish.wait(10)
        done.append(True)
        return ""

    def sign(should_stop: object) -> str:
        if begun.is_set():
            signed.set()
        return ""

    second = timedelta(seconds=0.01)
    jobs = [
        Job(name="alerts", every=second, run=hang, shared=False, lane="mail"),
        Job(name="later", every=second, run=later, shared=False, lane="mail"),
        Job(name="signer", every=second, run=sign, shared=False, lane="signing"),
    ]
    worker = Worker(jobs, database=opened, now=lambda: datetime.now(UTC))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert begun.wait(10)
        assert signed.wait(10)
        assert later.count == 0
    finally:
        worker.stop()
        finish.set()
        thread.join(10)
    assert not thread.is_alive()
    assert done == [True]


def test_a_worker_in_a_thread_ends_when_its_process_does(opened: Database, clock: Clock):
    process_ends = threading.Event()
    work = Job(name="work", every=HOUR, run=Counted())
    worker = Worker([work], database=opened, now=clock, should_stop=process_ends.is_set)
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert thread.is_alive()
    process_ends.set()
    thread.join(10)
    assert not thread.is_alive()
