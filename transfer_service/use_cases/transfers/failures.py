"""From the refusals of the crypto layer to the sentences of the service: why it cannot be opened, and who can help."""

from collections.abc import Iterator
from contextlib import contextmanager

from transfer_service.crypto import errors as crypto_errors
from transfer_service.domain.errors import CannotOpen, OpeningFailure

_FAILURES = {
    "grant": OpeningFailure.GRANT_UNREADABLE,
    "ciphertext": OpeningFailure.COMMITMENT,
    "ciphertext_sha256": OpeningFailure.CIPHERTEXT_CHANGED,
    "commitment": OpeningFailure.COMMITMENT,
    "content_digest": OpeningFailure.CONTENT_CHANGED,
    "plaintext": OpeningFailure.UNKNOWN_FORMAT,
    "public_key_mac": OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC,
    "public_key": OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC,
    "signature": OpeningFailure.MANIFEST_SIGNATURE,
}


@contextmanager
def said_plainly() -> Iterator[None]:
    """Raise what the crypto layer refuses as the service's own CannotOpen, without its technical cause."""
    try:
        yield
    except crypto_errors.CannotOpen as error:
        raise CannotOpen(_FAILURES.get(error.reason, OpeningFailure.UNKNOWN_FORMAT)) from None
    except crypto_errors.CryptoError:
        raise CannotOpen(OpeningFailure.UNKNOWN_FORMAT) from None
