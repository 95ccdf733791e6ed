"""Recovery codes: 160 random bits that a person writes down, by which the own seed can be unwrapped.

Nine groups of four letters of Crockford's base32; the last group is a checksum, so that a slip of the pen is told
from a wrong code.
"""

import hashlib
import hmac
import os
from typing import Final, NoReturn, Self

from transfer_service.crypto.crockford import decode_number, encode_number, tidy_letters
from transfer_service.crypto.derivation import derive
from transfer_service.crypto.errors import MalformedText, WrongLength
from transfer_service.crypto.values import WrappingKey

RECOVERY_CODE_KDF: Final = "$hkdf-sha256$v=1"
"""The parameters that stand in the unlock row and context of a seed wrapped under a recovery code."""

CODE_BYTES: Final = 20
GROUPS: Final = 9
_GROUP_LENGTH: Final = 4
_CHECK_BITS: Final = 20
_PURPOSE: Final = "ptx/recovery-code/1"


class RecoveryCode:
    """One code; it prints only where `text` or `groups` are asked for, for its one showing."""

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes) -> None:
        """Take the 20 random bytes."""
        if len(value) != CODE_BYTES:
            raise WrongLength(f"A recovery code has {CODE_BYTES} bytes.")
        self._bytes = bytes(value)

    @classmethod
    def generate(cls) -> Self:
        """Draw a fresh code."""
        return cls(os.urandom(CODE_BYTES))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a code as people type it: any case, any gaps, O for 0, I and L for 1, U for V; raises MalformedText."""
        letters = tidy_letters(text)
        if len(letters) != GROUPS * _GROUP_LENGTH:
            raise MalformedText(f"A recovery code has {GROUPS} groups of {_GROUP_LENGTH} letters and digits.")
        code = cls((decode_number(letters) >> _CHECK_BITS).to_bytes(CODE_BYTES, "big"))
        if code._letters() != letters:
            raise MalformedText("The recovery code was not typed as it was shown. Compare each group.")
        return code

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the nine groups; two of them are asked for to confirm that the code was written down."""
        letters = self._letters()
        return tuple(letters[at : at + _GROUP_LENGTH] for at in range(0, len(letters), _GROUP_LENGTH))

    @property
    def text(self) -> str:
        """Return the code itself, grouped for reading, to be shown once."""
        return "-".join(self.groups)

    @property
    def lookup(self) -> bytes:
        """Return 32 bytes that the unlock row may be found by; they lead to nothing."""
        return derive(self._bytes, _PURPOSE, "lookup")

    def wrapping_key(self) -> WrappingKey:
        """Return the key that the person's seed is wrapped under."""
        return WrappingKey(derive(self._bytes, _PURPOSE, "wrap"))

    def _letters(self) -> str:
        check = hashlib.sha256(_PURPOSE.encode() + self._bytes).digest()[:3]
        number = int.from_bytes(self._bytes, "big") << _CHECK_BITS | int.from_bytes(check, "big") >> 4
        return encode_number(number, letters=GROUPS * _GROUP_LENGTH)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, RecoveryCode):
            return NotImplemented
        return hmac.compare_digest(self._bytes, other._bytes)

    # In a set a code would be hashed and compared in variable time.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return "RecoveryCode(redacted)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A recovery code is not pickled or copied.")


def same_group(shown: str, typed: str) -> bool:
    """Tell whether a retyped group is the one that was shown, as tolerantly as a whole code is read."""
    return hmac.compare_digest(shown.encode(), tidy_letters(typed).encode())
