"""Symmetric sealing with Cobblestone-256, the C2SP chunked encryption with AES-256-GCM in chunks of 16 KiB.

It commits to its key and detects cut, dropped and swapped chunks; plain AES-GCM does neither (one ciphertext can open
as two files under two keys). Layout: salt (24 bytes), commitment (32 bytes), chunks with a tag of 16 bytes each.
Source: https://c2sp.org/chunked-encryption.
"""

import hmac
from typing import Final

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from transfer_service.crypto.errors import CannotOpen

HEADER_LENGTH: Final = 56
TAG_LENGTH: Final = 16
_SALT_LENGTH: Final = 24
_COMMITMENT_LENGTH: Final = 32
_DERIVED_BEFORE_COMMITMENT: Final = 32 + 12
_INFO: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


def encryptor(key: bytes, context: bytes) -> Cobblestone256Encryptor:
    """Return an encryptor that draws its own salt; the key has 32 uniformly random bytes."""
    return Cobblestone256Encryptor(key, context)


def seal_bytes(key: bytes, plaintext: bytes, *, context: bytes) -> bytes:
    """Seal bytes under a 32-byte key, bound to the context. It grows by 72 bytes, and 16 for every full 16 KiB."""
    sealer = encryptor(key, context)
    return sealer.update(plaintext) + sealer.finalize()


def open_bytes(key: bytes, ciphertext: bytes, *, context: bytes) -> bytes:
    """Open all of a ciphertext or none of it; raises CannotOpen with the reason `ciphertext`."""
    opener = Cobblestone256Decryptor(key, context)
    try:
        return opener.update(ciphertext) + opener.finalize()
    except InvalidTag as error:
        raise CannotOpen(
            "ciphertext", "What was sealed does not open: it was changed, or belongs to another key or place."
        ) from error


def commitment_of(header: bytes) -> bytes:
    """Return the 32 bytes by which a ciphertext commits to its key; `header` is its first 56 bytes, or all of it."""
    if len(header) < HEADER_LENGTH:
        raise CannotOpen("ciphertext", "What was sealed is cut off within its first bytes.")
    return header[_SALT_LENGTH:HEADER_LENGTH]


def commits_to(key: bytes, header: bytes, *, context: bytes) -> bool:
    """Tell with one key derivation and no plaintext whether a ciphertext was made with this key and context."""
    info = _INFO + header[:_SALT_LENGTH] + context
    derived = HKDFExpand(algorithm=SHA512(), length=_DERIVED_BEFORE_COMMITMENT + _COMMITMENT_LENGTH, info=info).derive(
        key
    )
    return hmac.compare_digest(derived[_DERIVED_BEFORE_COMMITMENT:], commitment_of(header))
