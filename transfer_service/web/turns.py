"""A bound on answers that hold much memory at once: so many are made and sent at a time, the rest wait or come back.

A whole file may have hundreds of megabytes, which are in memory until the browser has taken the last of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from werkzeug.wrappers import Response

from transfer_service.domain.errors import Unavailable

RETRY_AFTER_SECONDS: Final = 30


class Turns:
    """Lets `at_once` answers be under way at a time; who waits longer than `wait_seconds` is told to come back."""

    def __init__(self, *, at_once: int, wait_seconds: float = 5.0) -> None:
        """Take the bounds; one of these serves a whole process."""
        self._free = threading.BoundedSemaphore(at_once)
        self._wait_seconds = wait_seconds

    def answer(self, make: Callable[[], Response]) -> Response:
        """Make an answer when it is its turn, which ends when the answer was sent or broke off.

        Raises Unavailable where too many are under way, and whatever `make` raises.
        """
        if not self._free.acquire(timeout=self._wait_seconds):
            raise Unavailable(RETRY_AFTER_SECONDS)
        try:
            response = make()
        except BaseException:
            self._free.release()
            raise
        response.call_on_close(self._free.release)
        return response
