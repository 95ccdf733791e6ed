"""What the log refuses, and what is wrong with it. No text holds what a leaf is about."""

from __future__ import annotations

from transfer_service.domain.errors import LogFrozen as FrozenForEverybody
from transfer_service.domain.errors import ServiceError


class LogError(ServiceError):
    """Anything that the log refuses."""


class LogFrozen(LogError, FrozenForEverybody):
    """The log takes no leaf, so that nothing can be done that would have to be recorded."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(
            "Nothing can be recorded just now, so nothing was done: the log is frozen"
            f"{f' ({reason})' if reason else ''}. Whoever operates the service must follow “When the log is frozen” "
            "in docs/log.md."
        )
        self.reason = reason


class LogNotFrozen(LogError):
    """A freeze is to be lifted, and there is none."""

    def __init__(self) -> None:
        super().__init__("The log is not frozen, so there is nothing to lift.")


class SignerBusy(LogError):
    """Another process is signing, or holds the signer's lock."""

    def __init__(self) -> None:
        super().__init__("A signer is running. Stop the worker, and the web service on SQLite, then try again.")


class LogNotPrepared(LogError):
    """The head row is absent: the database was not migrated."""

    is_for_operator = True

    def __init__(self) -> None:
        super().__init__("The database has no log yet. Run `transfer-service db upgrade`.")


class LeafRefused(LogError):
    """A leaf that may not be written: too long, or with text where a word or an id belongs."""


class LeafMalformed(LogError):
    """Bytes that are not a leaf as this service writes them."""


class NoteMalformed(LogError):
    """Bytes that are not a signed note, a checkpoint, a proof or a policy in their public format."""


class NoteNotTrusted(LogError):
    """A note that is well-formed, and not signed by a key that is trusted, or signed wrongly."""


class ReceiptNotReady(LogError):
    """No checkpoint covers the leaf yet."""

    def __init__(self) -> None:
        super().__init__("The receipt will be ready in a moment. Reload the page in a few seconds.")


class NotWitnessed(LogError):
    """A witness signs nothing: what it is shown does not follow from what it saw."""


class LogInconsistent(LogError):
    """What is stored does not fit together."""

    is_for_operator = True


class SignerStateLost(LogError):
    """There are checkpoints, and the signer's state file is absent or unreadable: it cannot tell a rollback."""

    is_for_operator = True
