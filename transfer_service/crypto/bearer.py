"""Secrets that whoever bears them is let in by: session cookies, tokens of machines, links in mails.

Each is 32 random bytes. One HKDF output finds the row and is all that the database holds; another, where there is
something to unwrap, is the wrapping key. Neither leads to the other.
"""

import base64
import binascii
import hashlib
from typing import ClassVar, Final, Self

from transfer_service.crypto import signing
from transfer_service.crypto.derivation import derive
from transfer_service.crypto.errors import MalformedText
from transfer_service.crypto.values import SECRET_LENGTH, Secret, WrappingKey


class _Bearer(Secret):
    """Thirty-two random bytes with a text form; subclasses differ in purpose and cannot be exchanged."""

    __slots__ = ()
    _purpose: ClassVar[str]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the text form; raises MalformedText where it is not one."""
        try:
            raw = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            # Not chained: the cause could quote the secret.
            raise MalformedText(_UNREADABLE) from None
        if len(raw) != SECRET_LENGTH or _base64url(raw) != text:
            raise MalformedText(_UNREADABLE)
        return cls(raw)

    @property
    def text(self) -> str:
        """Return the secret itself as 43 letters of base64url: for the cookie, the link or the one showing."""
        return _base64url(self.reveal())

    @property
    def lookup(self) -> bytes:
        """Return the 32 bytes that the row is found by."""
        return derive(self.reveal(), self._purpose, "lookup")


class SessionToken(_Bearer):
    """What a session cookie holds."""

    __slots__ = ()
    _purpose = "ptx/session-token/1"

    def wrapping_key(self) -> WrappingKey:
        """Return the key that the person's seed is wrapped under while the session lasts."""
        return WrappingKey(derive(self.reveal(), self._purpose, "wrap"))


class LinkToken(_Bearer):
    """What a link in a mail or a trusted device's cookie holds; it lets in, and unlocks nothing."""

    __slots__ = ()
    _purpose = "ptx/link-token/1"


class ApiToken(_Bearer):
    """What a school's own system sends with each call. The text begins with `ptx_` and ends with a checksum.

    A read token unwraps a key of its own; a send-only token signs with a seed that grows from it.
    """

    __slots__ = ()
    _purpose = "ptx/api-token/1"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a token; raises MalformedText also where its checksum says that letters were lost or changed."""
        if not text.startswith(_API_PREFIX):
            raise MalformedText(_UNREADABLE)
        token = super().from_text(text[len(_API_PREFIX) : -_CHECKSUM_LENGTH])
        if token.text != text:
            raise MalformedText(_UNREADABLE)
        return token

    @property
    def text(self) -> str:
        """Return the token itself, to be shown once."""
        return f"{_API_PREFIX}{_base64url(self.reveal())}{_checksum(self.reveal())}"

    def wrapping_key(self) -> WrappingKey:
        """Return the key that a read token's seed is wrapped under."""
        return WrappingKey(derive(self.reveal(), self._purpose, "wrap"))

    @property
    def signing_public(self) -> bytes:
        """Return the 32-byte public key that a DSL certifies for a send-only token."""
        return signing.public_key_of(derive(self.reveal(), self._purpose, "sign"))

    def sign(self, message: bytes) -> bytes:
        """Sign a manifest as a send-only token; 64 bytes."""
        return signing.sign(derive(self.reveal(), self._purpose, "sign"), message)


_API_PREFIX: Final = "ptx_"
_CHECKSUM_LENGTH: Final = 6
_UNREADABLE: Final = "That is not a token of this service, or letters of it are missing. Copy all of it."


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _checksum(raw: bytes) -> str:
    return hashlib.sha256(b"ptx/api-token/1" + raw).hexdigest()[:_CHECKSUM_LENGTH]
