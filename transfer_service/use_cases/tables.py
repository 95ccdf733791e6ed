"""A list as a table to take away: what is written into a file for a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Table:
    """A table to be written as a file; `name` is the file's, without its ending, and names nobody."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str | int | date | None, ...], ...]
