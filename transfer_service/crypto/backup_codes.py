"""Backup codes: 50 random bits that stand once for the code of an authenticator app.

Two groups of five letters of Crockford's base32. They prove that somebody has a sheet of paper and unlock nothing:
unlike a recovery code no key is ever derived from one.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final, NoReturn, Self

from transfer_service.crypto.crockford import decode_number, encode_number, tidy_letters
from transfer_service.crypto.errors import MalformedText, WrongLength

CODE_BITS: Final = 50
_GROUPS: Final = 2
_GROUP_LENGTH: Final = 5
_LETTERS: Final = _GROUPS * _GROUP_LENGTH


class BackupCode:
    """One code; it prints only where `text` is asked for, for its one showing."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        """Take a number of 50 bits; raises WrongLength for another."""
        if not 0 <= number < 1 << CODE_BITS:
            raise WrongLength(f"A backup code has {CODE_BITS} bits.")
        self._number = number

    @classmethod
    def generate(cls) -> Self:
        """Draw a fresh code from the system's random source."""
        return cls(secrets.randbits(CODE_BITS))

    @classmethod
    def from_text(cls, typed: str) -> Self:
        """Read a code as people type it: any case, gaps and hyphens, lookalike letters; raises MalformedText."""
        letters = tidy_letters(typed)
        if len(letters) != _LETTERS:
            raise MalformedText(f"A backup code has {_GROUPS} groups of {_GROUP_LENGTH} letters and digits.")
        return cls(decode_number(letters))

    @property
    def text(self) -> str:
        """Return the code itself, grouped for reading, to be shown once."""
        letters = encode_number(self._number, letters=_LETTERS)
        return "-".join(letters[at : at + _GROUP_LENGTH] for at in range(0, _LETTERS, _GROUP_LENGTH))

    def reveal(self) -> bytes:
        """Return the code as 7 bytes, for a keyed hash alone."""
        return self._number.to_bytes((CODE_BITS + 7) // 8, "big")

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, BackupCode):
            return NotImplemented
        return hmac.compare_digest(self.reveal(), other.reveal())

    # In a set a code would be hashed and compared in variable time.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return "BackupCode(redacted)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A backup code is not pickled or copied.")
