"""The codes that commands leave with, and which errors are refusals that a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from config.settings import SettingsError
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.outages import has_no_room, is_no_database, is_outage, lacks_right
from transfer_service.domain.errors import Invalid, OutcomeUnknown, ServiceError

DONE: Final = 0
CHECK_FAILED: Final = 1
USAGE: Final = 2
REFUSED: Final = 3


_OF_THE_DATABASE: Final[Mapping[Callable[[BaseException], bool], str]] = {
    lacks_right: (
        "The database's role may not do this. DATABASE_URL names the role of the application; migrations run as the "
        "role that owns the tables: name it in DATABASE_OWNER_URL for transfer-service db upgrade."
    ),
    is_no_database: (
        "The file that DATABASE_URL names is no SQLite database, or is damaged. Keep it as it is and name another, or "
        "restore a backup into a new one."
    ),
    has_no_room: "The disk of the database is full, and nothing was done. Make room on it, then try again.",
    is_outage: "The database cannot be reached or is busy. Check DATABASE_URL and that it runs, then try again.",
}


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
    if isinstance(error, OutcomeUnknown):
        return error.sentence, REFUSED
    if isinstance(error, CryptoError):
        return str(error), REFUSED
    for means, sentence in _OF_THE_DATABASE.items():
        if means(error):
            return sentence, REFUSED
    if isinstance(error, OSError):
        # The file's path is the operator's own; the system's words say what is wrong with it.
        where = f" ({error.filename})" if error.filename else ""
        return (
            f"The system refused: {error.strerror or type(error).__name__}{where}. Put that right and try again.",
            REFUSED,
        )
    return None
