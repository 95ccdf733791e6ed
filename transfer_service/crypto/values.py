"""Secrets that do not print themselves, and fingerprints that people can compare aloud."""

import hmac
import os
from dataclasses import dataclass
from typing import Final, NoReturn, Self

from shamir_mnemonic.wordlist import WORDLIST

from transfer_service.crypto.errors import MalformedText, WrongLength

SECRET_LENGTH: Final = 32
FINGERPRINT_LENGTH: Final = 32
_WORDS_SHOWN: Final = 8
_BITS_A_WORD: Final = 10


class Secret:
    """Thirty-two secret bytes that are compared in constant time and appear in no repr, log, copy or pickle."""

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes) -> None:
        """Take exactly 32 bytes; raises WrongLength otherwise."""
        if len(value) != SECRET_LENGTH:
            raise WrongLength(f"A {type(self).__name__} has {SECRET_LENGTH} bytes.")
        self._bytes = bytes(value)

    @classmethod
    def generate(cls) -> Self:
        """Draw a fresh one from the system's random source."""
        return cls(os.urandom(SECRET_LENGTH))

    def reveal(self) -> bytes:
        """Return the 32 bytes themselves. Whoever calls this is answerable for where they go."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, and only with a secret of the same kind."""
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._bytes, other._bytes)

    # In a set or as a dictionary's key a secret would be hashed and compared in variable time.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the kind and nothing else."""
        return f"{type(self).__name__}(redacted)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse pickling and copying: a secret must not reach a queue, a cache or a core dump by itself."""
        raise TypeError(f"A {type(self).__name__} is not pickled or copied.")


class Seed(Secret):
    """The 32 bytes that a person's, an epoch's or a recovery key grows from."""

    __slots__ = ()


class DataKey(Secret):
    """The 32 bytes under which one item's ciphertext was sealed; never used for a second item."""

    __slots__ = ()


class WrappingKey(Secret):
    """The 32 bytes that wrap a person's seed, made from a password, code or token."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """SHA-256 over a public key: what grants, leaves and people name a key by."""

    digest: bytes

    def __post_init__(self) -> None:
        """Refuse anything but 32 bytes."""
        if len(self.digest) != FINGERPRINT_LENGTH:
            raise WrongLength(f"A fingerprint has {FINGERPRINT_LENGTH} bytes.")

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read 64 hexadecimal digits; raises MalformedText for anything else."""
        try:
            digest = bytes.fromhex(text.strip())
        except ValueError as error:
            raise MalformedText("A fingerprint is written as 64 hexadecimal digits.") from error
        return cls(digest)

    @property
    def hex(self) -> str:
        """Return the whole fingerprint as 64 hexadecimal digits."""
        return self.digest.hex()

    def words(self) -> tuple[str, ...]:
        """Return eight words of the SLIP-39 list, the first 80 bits, for comparing aloud on the telephone."""
        number = int.from_bytes(self.digest[: _WORDS_SHOWN * _BITS_A_WORD // 8], "big")
        shifts = range((_WORDS_SHOWN - 1) * _BITS_A_WORD, -1, -_BITS_A_WORD)
        return tuple(WORDLIST[(number >> shift) & 0x3FF] for shift in shifts)

    def __str__(self) -> str:
        """Return the hexadecimal digits."""
        return self.hex
