"""Why a backup is not made or not put back."""

from __future__ import annotations

from transfer_service.domain.errors import ServiceError


class BackupRefused(ServiceError):
    """The backup cannot be made here, or this folder or database cannot be used; nothing was changed."""


class LogNotWhole(ServiceError):
    """Leaves that were signed are in neither the backup nor the exports given; nothing was changed."""

    def __init__(self, *, size: int, known: int) -> None:
        super().__init__(
            f"{known:,} leaves of the log were signed and only {size:,} are in this backup and the exports given. "
            "Give a newer copy of the log with --export; where there is none, follow “When leaves are lost” in "
            "docs/restore.md and restore with --successor."
        )
        self.size, self.known = size, known


class AnotherHistory(ServiceError):
    """What was signed is not what the backup and the exports hold."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"The log in this backup, with the exports given, is not the one that {source} is over: leaves were "
            "altered, or the copies are of different services. Nothing was changed; use other copies."
        )
