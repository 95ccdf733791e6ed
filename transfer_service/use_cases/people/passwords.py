"""Passwords: which are accepted, and the bounded number of expensive derivations that run at once.

Each derivation takes 64 MiB and about 130 ms, so that a flood of sign-ins must queue, and past a short queue is
turned away with a time to come back (docs/keys.md, rule 6). Never derive inside a transaction: on SQLite nobody else
could write meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from zxcvbn import zxcvbn

from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys, derive_from_password
from transfer_service.db.models import Person
from transfer_service.domain.errors import Invalid, Unavailable
from transfer_service.domain.passwords import (
    MAXIMUM_LENGTH,
    PASSWORD_PROBLEM_SENTENCES,
    judge_password,
    normalise_password,
)

RETRY_AFTER_SECONDS: Final = 5
_GUESSES_TOO_FEW: Final = 10**8
# The estimate looks at every substring: beyond this length it would take long, and says nothing new.
_JUDGED_LENGTH: Final = 72


class PasswordWork:
    """Derives keys from passwords, at most `at_once` at a time with at most `queue` callers waiting."""

    def __init__(self, peppers: PepperSet, *, at_once: int = 2, queue: int = 16, wait_seconds: float = 5.0) -> None:
        """Take the peppers and the bounds; one of these serves a whole process."""
        self.peppers = peppers
        self._running = threading.Semaphore(at_once)
        self._admitted = threading.Semaphore(at_once + queue)
        self._wait_seconds = wait_seconds
        self._decoy = KdfParameters.generate(peppers)

    def derive(self, password: str, parameters: KdfParameters | None) -> PasswordKeys:
        """Derive once; with no parameters, because there is no such account, do the same work for nothing.

        Raises Unavailable where too many wait already, or the pepper of the parameters is missing.
        """
        tidy = normalise_password(password)[: MAXIMUM_LENGTH + 1]
        with self._turn():
            try:
                return derive_from_password(tidy, parameters or self._decoy, self.peppers)
            except CryptoError:
                raise Unavailable(
                    600,
                    "Passwords cannot be checked just now because a setting is missing. Tell the administrator; a "
                    "recovery code works without it.",
                ) from None

    def new_parameters(self) -> KdfParameters:
        """Make the parameters of a new password."""
        return KdfParameters.generate(self.peppers)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise Unavailable(RETRY_AFTER_SECONDS)
        try:
            if not self._running.acquire(timeout=self._wait_seconds):
                raise Unavailable(RETRY_AFTER_SECONDS)
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._admitted.release()


def read_parameters(person: Person) -> KdfParameters | None:
    """Read a person's stored parameters; None where there are none. Raises Unavailable for damaged or weakened ones."""
    if person.password_parameters is None:
        return None
    try:
        return KdfParameters.from_text(person.password_parameters)
    except CryptoError:
        damaged = Unavailable(600, "The stored password cannot be checked. Tell the administrator.")
        raise damaged.of_account(person.id) from None


def check_new_password(password: str, *, context_words: Iterable[str]) -> None:
    """Raise Invalid unless the password is long enough, hard to guess, and not made of the words given."""
    words = tuple(word for word in context_words if word)
    pieces = [piece for word in words for piece in (word, *word.replace("@", " ").replace(".", " ").split())]

    def is_common(tidy: str) -> bool:
        return int(zxcvbn(tidy[:_JUDGED_LENGTH], user_inputs=pieces)["guesses"]) < _GUESSES_TOO_FEW

    problem = judge_password(password, is_common=is_common, context_words=words)
    if problem is not None:
        raise Invalid({"password": [PASSWORD_PROBLEM_SENTENCES[problem]]})
