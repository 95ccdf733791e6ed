"""What a benchmark is: a figure of ours beside a floor, both measured in the same run on the same machine.

A module of this folder registers its benchmarks with `@benchmark`; `python -m tests.benchmarks` finds and runs them.
"""

import json
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.database import Database, migrated_database


@dataclass(frozen=True)
class Figure:
    """A value in a unit; with many calls, how long the slowest one in a hundred took, in milliseconds."""

    value: float
    unit: str
    p99_ms: float | None = None

    def __str__(self) -> str:
        shown = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:,.2f}"
        tail = "" if self.p99_ms is None else f", p99 {self.p99_ms:,.1f} ms"
        return f"{shown} {self.unit}{tail}"

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.endswith("/s")


@dataclass(frozen=True)
class Result:
    """Our figure and the floor: the same work with nothing of ours around it, as `floor_is` says."""

    name: str
    ours: Figure
    floor: Figure
    floor_is: str

    @property
    def times_the_floor(self) -> float:
        """How much of the floor's time ours takes: 1 is the floor, 2 is twice as slow."""
        ratio = self.floor.value / self.ours.value
        return ratio if self.ours.is_rate else 1 / ratio


class Bench:
    """What a benchmark may ask for; everything is below `folder` and gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    @contextmanager
    def database(self, kind: str) -> Iterator[Database]:
        """A fresh, migrated database of this kind."""
        self._count += 1
        own = self.folder / f"database-{self._count}"
        own.mkdir()
        with migrated_database(kind, run_folder=self.folder, folder=own) as made:
            yield made


Measure = Callable[[Bench], Result]
BENCHMARKS: dict[str, Measure] = {}


def benchmark(name: str, *, floor: str) -> Callable[[Callable[[Bench], tuple[Figure, Figure]]], Measure]:
    """Register a function that measures `(ours, floor)`; `floor` says in words what the floor is."""

    def register(measure: Callable[[Bench], tuple[Figure, Figure]]) -> Measure:
        def run(bench: Bench) -> Result:
            ours, bare = measure(bench)
            return Result(name, ours, bare, floor)

        BENCHMARKS[name] = run
        return run

    return register


def calls_per_second(work: Callable[[], object], *, seconds: float = 3.0, threads: int = 1) -> Figure:
    """Call `work` over and over from so many threads, after one call that does not count."""
    work()
    ends = time.perf_counter() + seconds
    taken: list[list[float]] = [[] for _ in range(threads)]
    failures: list[BaseException] = []

    def loop(times: list[float]) -> None:
        try:
            while (start := time.perf_counter()) < ends:
                work()
                times.append(time.perf_counter() - start)
        except BaseException as error:
            failures.append(error)
            raise

    started = time.perf_counter()
    if threads == 1:
        loop(taken[0])
    else:
        running = [threading.Thread(target=loop, args=(times,)) for times in taken]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    if failures:
        raise failures[0]
    elapsed = time.perf_counter() - started
    every = sorted(one for times in taken for one in times)
    return Figure(len(every) / elapsed, "/s", every[int(len(every) * 0.99)] * 1000)


def seconds_once(work: Callable[[], object], *, best_of: int = 3) -> Figure:
    """Time one call, the best of a few: whatever else the machine did is not the work's doing."""
    times = []
    for _ in range(best_of):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return Figure(min(times), "s")


def microseconds_each(work: Callable[[], object], *, rounds: int = 5, calls: int = 200) -> Figure:
    """Time a short call: the median of some rounds of many calls."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - started) / calls)
    return Figure(statistics.median(times) * 1_000_000, "µs")


def table(results: list[Result]) -> str:
    """The results as a table for people."""
    rows = [("what", "ours", "floor", "times", "the floor is")]
    rows += [(one.name, str(one.ours), str(one.floor), f"{one.times_the_floor:.2f}", one.floor_is) for one in results]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    )


def write_json(results: list[Result], path: Path) -> None:
    """The results with the machine they were measured on, for programs."""
    machine = {"python": platform.python_version(), "system": platform.platform(), "machine": platform.machine()}
    measured = [
        {"name": one.name, "ours": asdict(one.ours), "floor": asdict(one.floor), "times_the_floor": one.times_the_floor,
         "floor_is": one.floor_is}
        for one in results
    ]  # fmt: skip
    path.write_text(json.dumps({"machine": machine, "results": measured}, indent=2, ensure_ascii=False) + "\n")
