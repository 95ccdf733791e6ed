"""Ed25519 signatures and the key of the log, in the public text forms of C2SP signed-note.

A verifier key is `<name>+<key id in hex>+<base64 of algorithm byte and public key>`; a signing key is the same
behind `PRIVATE+KEY+`, with the 32-byte seed in place of the public key. Both are what Go's `sumdb/note` reads.
Source: https://c2sp.org/signed-note.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from transfer_service.crypto.errors import MalformedText, WrongLength

ED25519_NOTE: Final = 0x01
"""Algorithm byte of plain Ed25519 signatures over a note."""
ED25519_COSIGNATURE: Final = 0x04
"""Algorithm byte of timestamped Ed25519 cosignatures by witnesses (C2SP tlog-cosignature)."""

SIGNATURE_LENGTH: Final = 64
PUBLIC_KEY_LENGTH: Final = 32
SEED_LENGTH: Final = 32

_ALGORITHMS: Final = frozenset({ED25519_NOTE, ED25519_COSIGNATURE})
_PRIVATE_PREFIX: Final = "PRIVATE+KEY+"


def public_key_of(seed: bytes) -> bytes:
    """Return the 32-byte public key that belongs to a 32-byte Ed25519 seed."""
    return _private_key(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """Sign the message with a 32-byte Ed25519 seed; the signature has 64 bytes (RFC 8032)."""
    return _private_key(seed).sign(message)


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether the 64-byte signature over the message was made by the owner of this 32-byte public key.

    Anything of a wrong length, and a public key that is no point of the curve, is simply not a valid signature.
    """
    if len(public_key) != PUBLIC_KEY_LENGTH or len(signature) != SIGNATURE_LENGTH:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Return the four bytes that name a key in a signature line: SHA-256(name, newline, algorithm, public key)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:4]


def is_key_name(name: str) -> bool:
    """Tell whether a name may stand in a signed note: not empty, no space of any kind, no plus sign."""
    return bool(name) and "+" not in name and not any(letter.isspace() or not letter.isprintable() for letter in name)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a note or cosignature key with the name it signs under."""

    name: str
    public_key: bytes
    algorithm: int = ED25519_NOTE

    def __post_init__(self) -> None:
        """Refuse a name, algorithm or key that a signed note cannot carry."""
        if not is_key_name(self.name):
            raise MalformedText("The name of a log key may not be empty and holds neither spaces nor plus signs.")
        if self.algorithm not in _ALGORITHMS:
            raise MalformedText("The key is of an algorithm that this version does not check.")
        if len(self.public_key) != PUBLIC_KEY_LENGTH:
            raise WrongLength("An Ed25519 public key has 32 bytes.")

    @classmethod
    def from_text(cls, vkey: str) -> Self:
        """Read a verifier key; raises MalformedText where the form or the key id is wrong."""
        name, algorithm, public_key = _read_key_text(vkey)
        key = cls(name=name, public_key=public_key, algorithm=algorithm)
        if key.text != vkey.strip():
            raise MalformedText("The verifier key does not hold together: its key id belongs to another name or key.")
        return key

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that name this key in a signature line."""
        return key_id(self.name, self.algorithm, self.public_key)

    @property
    def text(self) -> str:
        """Return the verifier key as text, as policies and letters print it."""
        return _key_text(self.name, self.key_id, self.algorithm, self.public_key)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the 64-byte signature over the message was made with this key."""
        return verify(self.public_key, signature, message)


class LogSigningKey:
    """The private key that signs checkpoints; it lives outside the database and its backups."""

    __slots__ = ("_seed", "verifier")

    def __init__(self, *, name: str, seed: bytes) -> None:
        """Take the name the log signs under and the 32-byte Ed25519 seed."""
        self._seed = bytes(seed)
        self.verifier = VerifierKey(name=name, public_key=public_key_of(self._seed))

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a fresh key for the log of this name."""
        return cls(name=name, seed=os.urandom(SEED_LENGTH))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a signing key; raises MalformedText where the form or the key id is wrong."""
        stripped = text.strip()
        if not stripped.startswith(_PRIVATE_PREFIX):
            raise MalformedText(
                "The log signing key does not begin with PRIVATE+KEY+. Give the file that `keys new` wrote."
            )
        name, algorithm, seed = _read_key_text(stripped.removeprefix(_PRIVATE_PREFIX))
        if algorithm != ED25519_NOTE:
            raise MalformedText("The log signing key is not an Ed25519 key. Give the file that `keys new` wrote.")
        key = cls(name=name, seed=seed)
        if key.to_text() != stripped:
            raise MalformedText(
                "The log signing key does not hold together: its key id belongs to another name or key."
            )
        return key

    def to_text(self) -> str:
        """Return the key as the text that settings hold. This is the secret itself: write it to a protected file."""
        return _PRIVATE_PREFIX + _key_text(self.name, self.key_id, ED25519_NOTE, self._seed)

    @property
    def name(self) -> str:
        """Return the name this key signs under, the origin of the log."""
        return self.verifier.name

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes of the public half."""
        return self.verifier.public_key

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that name this key in a signature line."""
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        """Return the verifier key text, which may be published."""
        return self.verifier.text

    def sign(self, message: bytes) -> bytes:
        """Sign the message, for a checkpoint the note's text with its final newline; 64 bytes."""
        return sign(self._seed, message)

    def __repr__(self) -> str:
        """Name the public half only."""
        return f"LogSigningKey({self.vkey})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, copied into a queue or a cache."""
        raise TypeError("A signing key is not pickled.")


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    if len(seed) != SEED_LENGTH:
        raise WrongLength("An Ed25519 seed has 32 bytes.")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _key_text(name: str, identifier: bytes, algorithm: int, key: bytes) -> str:
    return f"{name}+{identifier.hex()}+{base64.b64encode(bytes([algorithm]) + key).decode()}"


def _read_key_text(text: str) -> tuple[str, int, bytes]:
    # The base64 part may itself hold plus signs, the name and the key id may not.
    parts = text.strip().split("+", 2)
    try:
        name, _identifier, encoded = parts
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise MalformedText("A key is written as name, key id and base64, joined by plus signs.") from error
    if len(raw) != 1 + PUBLIC_KEY_LENGTH:
        raise MalformedText("The key inside the text has a wrong length.")
    return name, raw[0], raw[1:]
