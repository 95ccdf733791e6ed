"""What can go wrong with sealed bytes; each says what to do, and none carries anything about a pupil."""

from transfer_service.domain.errors import ServiceError, Unavailable

RETRY_AFTER_SECONDS = 30


class BlobMissing(ServiceError):
    """No sealed bytes are stored under the key."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "The sealed contents are missing from the store. Tell the administrator, who can bring them back from a "
            "backup; or ask the sending school to seal them again."
        )
        self.key = key


class BlobExists(ServiceError):
    """Sealed bytes are stored under the key already; nothing was overwritten."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "Sealed contents are stored under this identifier already. Nothing was overwritten. Try again."
        )
        self.key = key


class StorageUnavailable(Unavailable):
    """The store does not answer, is full, or refuses us; the act can be tried again."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(
            RETRY_AFTER_SECONDS,
            sentence
            or "The store of sealed files does not answer just now. Nothing was changed. Try again in a moment.",
        )


class StorageSettingRefused(ServiceError):
    """The setting STORAGE_URL cannot be used."""
