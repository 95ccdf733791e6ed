"""What commands print: lines for people, JSON for programs, and progress that spoils neither."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

EVERY_SECONDS: Final = 3.0
ON_A_TERMINAL_SECONDS: Final = 0.1

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def say(line: str = "") -> None:
    """Print one line of the answer."""
    click.echo(line)


def say_json(value: object) -> None:
    """Print the answer as one JSON document with sorted keys."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, default=_plain))


def _plain(value: object) -> Any:
    """Turn what JSON does not know into what it does."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a {type(value).__name__} has no place in the answer")


class Progress:
    """Tells on standard error how far long work has come: one changing line on a terminal, else a line now and then.

    Call it with how much is done and, where that is known, of how much.
    """

    def __init__(self, doing: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin; `doing` is what the line says, such as `Checking the log`."""
        self._doing = doing
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._every = ON_A_TERMINAL_SECONDS if self._terminal else EVERY_SECONDS
        self._next = clock() + self._every
        self._shown = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say how far it has come, unless that was said a moment ago."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + self._every
        self._shown = True
        line = f"{self._doing}: {done:,}" + (f" of {total:,}" if total is not None else "")
        click.echo(f"\r\033[K{line}" if self._terminal else line, err=True, nl=not self._terminal)

    def finish(self) -> None:
        """Take the changing line away."""
        if self._terminal and self._shown:
            click.echo("\r\033[K", err=True, nl=False)
