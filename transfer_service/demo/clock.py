"""The demonstration's clock, which walks through the last weeks while the worker does what falls due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from transfer_service.domain.dates import LONDON

WEEKS: Final = 7
"""How far back the demonstration begins."""

_MORNING: Final = time(9, 15)
_SOON: Final = timedelta(seconds=20)


class WalkingClock:
    """A clock that is moved forward, never back; every working morning on the way the worker runs."""

    def __init__(self, until: datetime) -> None:
        """Begin some weeks before `until` (aware), at a quarter past nine on a Monday in England."""
        self.until = until
        self.today = until.astimezone(LONDON).date()
        first = self.today - timedelta(weeks=WEEKS)
        self._now = _moment(first - timedelta(days=first.weekday()), _MORNING)
        self._work: Callable[[], object] = lambda: None
        self._send: Callable[[], object] = lambda: None

    def __call__(self) -> datetime:
        """Tell the time, in UTC."""
        return self._now

    def start_working(self, *, work: Callable[[], object], send: Callable[[], object]) -> None:
        """From now on do all `work` every morning, and `send` alerts and sign the log soon after each act."""
        self._work, self._send = work, send

    def pass_seconds(self, seconds: int) -> None:
        """Let a little time pass without work."""
        self._now += timedelta(seconds=seconds)

    def send_soon(self) -> None:
        """Let the worker send what has just fallen due, as it would within seconds."""
        self._now += _SOON
        self._send()

    def walk_to(self, moment: datetime) -> None:
        """Go on to a later moment; an earlier one changes nothing."""
        day = self._now.astimezone(LONDON).date()
        while (morning := _moment(day, _MORNING)) < moment:
            if morning > self._now and day.weekday() < 5:
                self._now = morning
                self._work()
            day += timedelta(days=1)
        self._now = max(self._now, moment)

    def working_day(self, days_ago: int) -> date:
        """Return the day so many days ago, or the Friday before where that was at a weekend."""
        day = self.today - timedelta(days=days_ago)
        return day - timedelta(days=max(day.weekday() - 4, 0))

    def at(self, days_ago: int, clock: str) -> datetime:
        """Return the moment when clocks in England showed `clock` (hh:mm) on that working day."""
        return _moment(self.working_day(days_ago), time.fromisoformat(clock))


def _moment(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=LONDON).astimezone(UTC)
