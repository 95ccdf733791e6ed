"""Secrets that whoever bears them is let in by: session cookies, trusted devices, links in mails.

Each is 32 random bytes. One HKDF output finds the row and is all that the database holds; another, where there is
something to unwrap, is the wrapping key. Neither leads to the other.
"""

import base64
import binascii
from typing import ClassVar, Final, Self

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


_UNREADABLE: Final = "That is not a token of this service, or letters of it are missing. Copy all of it."


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
