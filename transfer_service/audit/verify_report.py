"""What a check of the log found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

PROBLEMS_LIMIT: Final = 1_000
"""Problems kept in a report; more are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable `code`, the leaf or size it is about, and what it means in a sentence."""

    code: str
    idx: int | None
    sentence: str


@dataclass(slots=True)
class VerifyReport:
    """What a check of the log found. `holds` only where nothing is wrong."""

    size: int = 0
    root: bytes = b""
    signed_size: int = 0
    checkpoints: int = 0
    cosignatures: int = 0
    details_right: int = 0
    details_erased: int = 0
    details_unopened: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.problem_count == 0

    def add(self, code: str, idx: int | None, sentence: str) -> None:
        """Count a problem, and keep it while there are few."""
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_LIMIT:
            self.problems.append(Problem(code, idx, sentence))
