"""The codes that commands leave with, and which errors are refusals that a person can act on."""

from __future__ import annotations

from typing import Final

from config.settings import SettingsError
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.outages import is_outage
from transfer_service.domain.errors import Invalid, ServiceError

DONE: Final = 0
CHECK_FAILED: Final = 1
USAGE: Final = 2
REFUSED: Final = 3


class Refused(ServiceError):
    """The command does not do what was asked; the sentence says why and what to do."""


def explain(error: BaseException) -> tuple[str, int] | None:
    """Return the sentence and the code for an error that a person can act on; None for a fault of the program."""
    if isinstance(error, SettingsError):
        return str(error), USAGE
    if isinstance(error, Invalid):
        return " ".join(f"{message}." for messages in error.fields.values() for message in messages), REFUSED
    if isinstance(error, ServiceError):
        return error.sentence, REFUSED
    if isinstance(error, CryptoError):
        return str(error), REFUSED
    if is_outage(error):
        return (
            "The database cannot be reached or is busy. Check DATABASE_URL and that it runs, then try again.",
            REFUSED,
        )
    if isinstance(error, OSError):
        # The file's path is the operator's own; the system's words say what is wrong with it.
        where = f" ({error.filename})" if error.filename else ""
        return (
            f"The system refused: {error.strerror or type(error).__name__}{where}. Put that right and try again.",
            REFUSED,
        )
    return None
