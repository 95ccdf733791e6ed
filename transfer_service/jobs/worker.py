"""The worker, which does what falls due, in its own process or beside the pages in the web server's.

Jobs run in lanes, side by side: a mail server that hangs, or a night's look at every sealed item, keeps no receipt
from being signed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from transfer_service.db.outages import is_outage
from transfer_service.db.session import Database
from transfer_service.jobs import runs

ShouldStop = Callable[[], bool]

LONGEST_PAUSE: Final = timedelta(seconds=1)
AFTER_AN_OUTAGE: Final = timedelta(seconds=5)
BEFORE_RESUMING: Final = timedelta(minutes=5)
"""How long a shared job waits that an outage broke off: it begins from its start."""
NOTED_EVERY: Final = timedelta(minutes=1)
UPKEEP: Final = "upkeep"
"""The lane of everything for which nobody waits."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that is done `every` so often.

    `run` is told how to ask whether to stop and says in a few words what it did, or nothing. A job that is `shared`
    is done by one of all workers each time; another kind is done by each and does its own locking. Jobs of one `lane`
    are done one after the other.
    """

    name: str
    every: timedelta
    run: Callable[[ShouldStop], str]
    shared: bool = True
    lane: str = UPKEEP


class Worker:
    """Runs jobs until it is told to stop, and finishes what it has in hand first."""

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        database: Database,
        now: Callable[[], datetime],
        should_stop: ShouldStop = lambda: False,
    ) -> None:
        """Prepare to run; `should_stop` is asked beside `stop()`, for a thread whose process is ending."""
        self._jobs = tuple(jobs)
        self._database = database
        self._now = now
        self._asked = should_stop
        self._stop = threading.Event()
        self._next: dict[str, datetime] = {}
        self._noted: dict[str, datetime] = {}
        self._broken_off: dict[str, datetime] = {}

    def stop(self) -> None:
        """Ask the loop to end after what is in hand; may be called from a signal handler or another thread."""
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        """Whether the loop is to end."""
        return self._stop.is_set() or self._asked()

    def run(self) -> None:
        """Run what falls due until told to stop, each lane in a thread of its own; returns when all have ended."""
        _log.info("worker started", count=len(self._jobs))
        lanes = [
            threading.Thread(target=self._run_lane, args=(lane,), name=f"worker-{lane}")
            for lane in dict.fromkeys(job.lane for job in self._jobs)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        _log.info("worker stopped")

    def run_due(self) -> timedelta:
        """Run every job that is due, once, lane after lane, and return how long nothing will be."""
        return self._run_due(self._jobs)

    def _run_lane(self, lane: str) -> None:
        jobs = [job for job in self._jobs if job.lane == lane]
        while not self.is_stopping:
            pause = self._run_due(jobs)
            self._stop.wait(min(pause, LONGEST_PAUSE).total_seconds())

    def _run_due(self, jobs: Sequence[Job]) -> timedelta:
        for job in jobs:
            if self.is_stopping:
                return timedelta(0)
            if self._is_due(job):
                self._next[job.name] = self._now() + job.every
                self._run_guarded(job)
        upcoming = min((self._next[job.name] for job in jobs), default=self._now() + LONGEST_PAUSE)
        return max(upcoming - self._now(), timedelta(0))

    def _is_due(self, job: Job) -> bool:
        """Whether its time has come; also where the clock went back, so that its time seems further off than ever."""
        now = self._now()
        due_at = self._next.get(job.name, now)
        return due_at <= now or due_at > now + max(job.every, BEFORE_RESUMING)

    def _run_guarded(self, job: Job) -> None:
        """Run one job; a fault of it is logged and stops neither the others nor its next run."""
        try:
            self._run_one(job)
        except Exception as error:  # noqa: BLE001 - logged by type; the other jobs must go on
            if is_outage(error):
                pause = BEFORE_RESUMING if job.name in self._broken_off else AFTER_AN_OUTAGE
                self._next[job.name] = self._now() + pause
                _log.warning("database not reached", job=job.name)
            else:
                self._broken_off.pop(job.name, None)
                _log.exception("job failed", job=job.name)
                self._note(job, f"failed: {type(error).__name__}")

    def _run_one(self, job: Job) -> None:
        if job.shared:
            now, resuming = self._now(), self._broken_off.get(job.name)
            begun, due_at = runs.begin(self._database, job.name, every=job.every, now=now, resuming=resuming)
            if not begun:
                self._broken_off.pop(job.name, None)
                self._next[job.name] = due_at
                return
            self._broken_off[job.name] = now
        outcome = job.run(lambda: self.is_stopping)
        self._broken_off.pop(job.name, None)
        if outcome:
            _log.info("job done", job=job.name)
        since = self._now() - self._noted.get(job.name, self._now() - NOTED_EVERY)
        if job.shared or outcome or not timedelta(0) <= since < NOTED_EVERY:
            self._note(job, outcome or "nothing due")

    def _note(self, job: Job, outcome: str) -> None:
        """Write down when the job ran; those that run every second do so once a minute, or when they did something."""
        try:
            runs.finish(self._database, job.name, now=self._now(), outcome=outcome, is_new=not job.shared)
        except Exception:  # noqa: BLE001 - the note is for people; the work is done
            _log.exception("job not noted", job=job.name)
        self._noted[job.name] = self._now()
