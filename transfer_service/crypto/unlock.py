"""What a person's seed is wrapped under: password, passphrase, recovery code, session or token.

One Argon2id run gives 64 bytes: half checks the password (the row holds only its SHA-256), half wraps the seed. The
pepper, a secret outside the database, goes into Argon2id alone, so that recovery codes work without it.
Source: RFC 9106; the parameter text follows the PHC string format, with the pepper's number as `keyid`.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from transfer_service.crypto.errors import MalformedText, WeakParameters
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.sealing import open_bytes, seal_bytes
from transfer_service.crypto.values import Seed, WrappingKey

MEMORY_KIB: Final = 65536
ITERATIONS: Final = 3
LANES: Final = 1
SALT_LENGTH: Final = 16
_LARGEST_MEMORY_KIB: Final = 1_048_576
_MOST_ITERATIONS: Final = 64
_MOST_LANES: Final = 16
_PARAMETERS: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9]\d{0,8}),t=([1-9]\d{0,8}),p=([1-9]\d{0,8}),keyid=([1-9]\d{0,4})\$([A-Za-z0-9+/]{22,86})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KdfParameters:
    """How a password becomes a key. Values below the floor are refused wherever they come from."""

    salt: bytes
    pepper_id: int
    memory_kib: int = MEMORY_KIB
    iterations: int = ITERATIONS
    lanes: int = LANES

    def __post_init__(self) -> None:
        """Refuse cheaper guessing, and sizes by which a changed row could stop the service; raises WeakParameters."""
        strong = self.memory_kib >= MEMORY_KIB and self.iterations >= ITERATIONS and len(self.salt) >= SALT_LENGTH
        bounded = (
            self.memory_kib <= _LARGEST_MEMORY_KIB
            and self.iterations <= _MOST_ITERATIONS
            and LANES <= self.lanes <= _MOST_LANES
        )
        if not strong or not bounded:
            raise WeakParameters("The stored password parameters are outside their bounds. Ask the administrator.")

    @classmethod
    def generate(cls, peppers: PepperSet) -> Self:
        """Make parameters for a new password: today's strength, the primary pepper, a fresh salt."""
        return cls(salt=os.urandom(SALT_LENGTH), pepper_id=peppers.primary_id)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read stored parameters; raises MalformedText, or WeakParameters where they are outside the bounds."""
        match = _PARAMETERS.fullmatch(text)
        if match is None:
            raise MalformedText(_UNREADABLE)
        memory, iterations, lanes, pepper, salt = match.groups()
        try:
            raw_salt = base64.b64decode(salt + "=" * (-len(salt) % 4), validate=True)
        except binascii.Error:
            raise MalformedText(_UNREADABLE) from None
        parameters = cls(
            salt=raw_salt,
            pepper_id=int(pepper),
            memory_kib=int(memory),
            iterations=int(iterations),
            lanes=int(lanes),
        )
        if parameters.text != text:
            raise MalformedText(_UNREADABLE)
        return parameters

    @property
    def text(self) -> str:
        """Return the parameters as they are stored, and bound into the unlock's context."""
        salt = base64.b64encode(self.salt).decode().rstrip("=")
        return f"$argon2id$v=19$m={self.memory_kib},t={self.iterations},p={self.lanes},keyid={self.pepper_id}${salt}"


_UNREADABLE: Final = "The stored password parameters cannot be read. Ask the administrator."


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordKeys:
    """What one Argon2id run gives: what the row is compared with, and what wraps the seed."""

    verifier_hash: bytes = field(repr=False)
    wrapping_key: WrappingKey

    def verifies(self, stored_hash: bytes) -> bool:
        """Tell in constant time whether the password is the one whose hash is stored."""
        return hmac.compare_digest(self.verifier_hash, stored_hash)


def derive_from_password(password: str, parameters: KdfParameters, peppers: PepperSet) -> PasswordKeys:
    """Run Argon2id once, 64 MiB and about 130 ms; the caller bounds how many run at a time.

    The password is taken in Unicode form NFKC, so that it is the same from every keyboard. Raises UnknownKey where
    the pepper is missing.
    """
    kdf = Argon2id(
        salt=parameters.salt,
        length=64,
        iterations=parameters.iterations,
        lanes=parameters.lanes,
        memory_cost=parameters.memory_kib,
        secret=peppers.get_pepper(parameters.pepper_id),
    )
    both = kdf.derive(unicodedata.normalize("NFKC", password).encode())
    return PasswordKeys(verifier_hash=hashlib.sha256(both[:32]).digest(), wrapping_key=WrappingKey(both[32:]))


def needs_new_parameters(parameters: KdfParameters, peppers: PepperSet) -> bool:
    """Tell whether a password should be derived anew at the next sign-in: an older pepper, or other strength."""
    today = KdfParameters(salt=parameters.salt, pepper_id=peppers.primary_id)
    return parameters != today


def wrap_person_seed(wrapping_key: WrappingKey, seed: Seed, *, context: bytes) -> bytes:
    """Wrap a seed, bound to `formats.unlock_context` or `formats.session_context`; 104 bytes."""
    return seal_bytes(wrapping_key.reveal(), seed.reveal(), context=context)


def unwrap_person_seed(wrapping_key: WrappingKey, wrapped: bytes, *, context: bytes) -> Seed:
    """Unwrap a seed; raises CannotOpen where key, context or bytes are not those it was wrapped with."""
    return Seed(open_bytes(wrapping_key.reveal(), wrapped, context=context))
