"""When to try again after an alert could not be delivered: pure arithmetic."""

from datetime import datetime, timedelta

FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=4)
ATTEMPTS = 15
"""After so many attempts, about a day after the first, the alert is given up and shown to the Head of Service."""


def next_attempt_at(now: datetime, *, attempts: int, jitter: float) -> datetime:
    """Tell when to try again after `attempts` failures (at least 1).

    The delay doubles from 30 seconds to at most four hours. `jitter` is a random number from 0 up to 1 that takes away
    as much as half of it, so that a mail server that comes back is not met by everybody at once.

    Raises ValueError where `attempts` or `jitter` is out of range.
    """
    if attempts < 1 or not 0 <= jitter < 1:
        raise ValueError("attempts begin at 1, and jitter lies from 0 up to 1")
    # Past this many doublings the ceiling holds anyway, and the power would overflow.
    doubled = FIRST_DELAY * (1 << min(attempts - 1, 16))
    return now + min(doubled, LONGEST_DELAY) * (1 - jitter / 2)


def is_given_up(attempts: int) -> bool:
    """Tell whether an alert has failed often enough to be given up, loudly."""
    return attempts >= ATTEMPTS
