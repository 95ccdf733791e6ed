"""Whether the log is frozen, for the banner on every page; asked of the database now and then, not for each page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

ASKED_EVERY: Final = timedelta(seconds=10)


class FrozenLog:
    """Remembers for a moment whether the log is frozen. Threads may share it: at worst two of them ask at once."""

    def __init__(self, ask: Callable[[], bool], *, now: Callable[[], datetime]) -> None:
        """Take what asks the database, and the clock."""
        self._ask = ask
        self._now = now
        self._known: tuple[datetime, bool] | None = None

    def __call__(self) -> bool:
        """Tell whether the log is frozen, as of a few seconds ago."""
        now = self._now()
        known = self._known
        if known is None or not known[0] <= now < known[0] + ASKED_EVERY:
            known = (now, self._ask())
            self._known = known
        return known[1]
