"""Keys from keys: HKDF-SHA256 with the purpose in the info."""

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from transfer_service.crypto.layout import length_prefixed

DERIVED_LENGTH: Final = 32


def derive(secret: bytes, *purpose: str | bytes, salt: bytes | None = None) -> bytes:
    """Return 32 bytes for one purpose from a secret of high entropy (never from a password).

    The info is LP(part) for each part of the purpose, the first being a name with a version. Source: RFC 5869.
    """
    info = b"".join(length_prefixed(part) for part in purpose)
    return HKDF(algorithm=SHA256(), length=DERIVED_LENGTH, salt=salt, info=info).derive(secret)
