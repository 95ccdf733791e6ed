"""What a benchmark is: a figure of ours beside a floor, both measured in the same run on the same machine.

A module of this folder registers its benchmarks with `@benchmark`; `python -m tests.benchmarks` finds and runs them.
"""

import statistics
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.database import Database, migrated_database

T = TypeVar("T")


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

    def __post_init__(self) -> None:
        if self.ours.unit != self.floor.unit:
            raise ValueError(f"{self.name}: {self.ours.unit} beside {self.floor.unit} compares nothing")

    @property
    def times_the_floor(self) -> float:
        """How much of the floor's time ours takes: 1 is the floor, 2 is twice as slow."""
        ratio = self.floor.value / self.ours.value
        return ratio if self.ours.is_rate else 1 / ratio


class Bench:
    """What a benchmark may ask for; everything is below `folder` and gone when the run ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._kept = ExitStack()
        self._shared: dict[Hashable, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._kept.close()

    @contextmanager
    def database(self, kind: str) -> Iterator[Database]:
        """A fresh, migrated database of this kind."""
        with migrated_database(kind, run_folder=self.folder, folder=self.new_folder("database")) as made:
            yield made

    def new_folder(self, what: str) -> Path:
        """A folder of this benchmark's own."""
        self._count += 1
        own = self.folder / f"{what}-{self._count}"
        own.mkdir()
        return own

    def shared(self, key: Hashable, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What several benchmarks only read, made by the first that asks for it and kept to the end of the run."""
        if key not in self._shared:
            self._shared[key] = self._kept.enter_context(make())
        found: T = self._shared[key]
        return found


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
