"""How figures are shown and kept: each the moment it is measured, so that a run that is broken off loses none."""

import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.measuring import Result
from tests.cluster import programs

HEADINGS = ("what", "ours", "floor", "times", "the floor is")
FIGURE_WIDTH = 27
TIMES_WIDTH = 6
BUSY = 0.5
"""Load of the last minute from which on somebody else's work is part of the figures."""


class Board:
    """Prints a row for each result and writes all results so far into a file, for programs."""

    def __init__(self, names: Sequence[str], path: Path, *, machine: dict[str, object]) -> None:
        self._width = max(len(name) for name in names)
        self._path = path
        self._machine = machine
        self._measured: list[dict[str, object]] = []
        self._failed: list[str] = []

    def begin(self) -> None:
        """Say what machine this is, and the headings."""
        print("; ".join(f"{what}: {value}" for what, value in self._machine.items()))
        print("times: how many times the floor's time ours takes; 1.00 is the floor.\n")
        self._print(*HEADINGS)

    def add(self, result: Result, *, seconds: float) -> None:
        """Show and keep one result; `seconds` is how long it took to measure, its preparation included."""
        self._print(result.name, str(result.ours), str(result.floor), f"{result.times_the_floor:.2f}", result.floor_is)
        self._measured.append(
            {
                "name": result.name,
                "ours": asdict(result.ours),
                "floor": asdict(result.floor),
                "times_the_floor": result.times_the_floor,
                "floor_is": result.floor_is,
                "seconds": round(seconds, 1),
            }
        )
        self._write(is_whole=False)

    def fail(self, name: str, error: Exception) -> None:
        """Show that one could not be measured; the others are measured all the same."""
        self._print(name, f"not measured: {type(error).__name__}", "", "", "")
        self._failed.append(name)
        self._write(is_whole=False)

    def end(self) -> int:
        """Say where the figures are; returns the code to leave with."""
        self._write(is_whole=not self._failed)
        print(f"\nAlso in {self._path}. PostgreSQL runs here without waiting for the disk, ours and floor alike.")
        return 1 if self._failed else 0

    def _print(self, name: str, ours: str, floor: str, times: str, floor_is: str) -> None:
        cells = (name.ljust(self._width), ours.rjust(FIGURE_WIDTH), floor.rjust(FIGURE_WIDTH), times.rjust(TIMES_WIDTH))
        print("  ".join((*cells, floor_is)).rstrip(), flush=True)

    def _write(self, *, is_whole: bool) -> None:
        """Replace the file in one step, so that a program never reads half of it."""
        told = {
            "machine": self._machine,
            "is_whole": is_whole,
            "not_measured": self._failed,
            "results": self._measured,
        }
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        unfinished.replace(self._path)


def describe_machine() -> dict[str, object]:
    """What the figures depend on, and when they were taken; `load` is that of the minute before."""
    described: dict[str, object] = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _first_line("/proc/cpuinfo", "model name") or platform.machine(),
        "memory": _first_line("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgresql(),
        "load": round(os.getloadavg()[0], 2),
    }
    return {what: value for what, value in described.items() if value is not None}


def warn_where_busy() -> None:
    """Say on standard error that others work here too."""
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"This machine is busy (load {load:.1f}): figures will be worse than they are.", file=sys.stderr)


def _first_line(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((" ".join(line.partition(":")[2].split()) for line in lines if line.startswith(name)), None)


def _postgresql() -> str | None:
    folder = programs()
    if folder is None:
        return None
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]
