"""Public-key suites: sealing 32 bytes to a key, and the keys of persons, schools and the authority's recovery.

Suite 2 is HPKE (RFC 9180) with the hybrid KEM of ML-KEM-768 and X25519 (X-Wing), HKDF-SHA256 and AES-256-GCM: files
sealed today must stay closed for decades. Suite 1, X25519 alone, is a reserved number that is refused.
Nothing is opened by trial: suite, epoch and fingerprint stand on every grant.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from transfer_service.crypto import formats, signing
from transfer_service.crypto.derivation import derive
from transfer_service.crypto.errors import CannotOpen, Mismatch, UnknownSuite, WrongLength
from transfer_service.crypto.values import DataKey, Fingerprint, Seed

RESERVED_X25519: Final = 1
MLKEM768_X25519: Final = 2

KEM_PUBLIC_LENGTH: Final = 1216
SEALED_KEY_LENGTH: Final = 1168
"""Bytes of a grant: 1,120 of the KEM, 32 of the key, 16 of the tag."""

_MLKEM_PUBLIC_LENGTH: Final = 1184
_HPKE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public halves of a key: one to seal to, and for schools one to check signatures with."""

    suite: int
    kem_public: bytes
    signing_public: bytes = b""

    def __post_init__(self) -> None:
        """Refuse a suite that is not in use and halves of a wrong length."""
        check_suite(self.suite)
        if len(self.kem_public) != KEM_PUBLIC_LENGTH or len(self.signing_public) not in {0, signing.PUBLIC_KEY_LENGTH}:
            raise WrongLength("The public key does not have the length that its suite prescribes.")

    @property
    def fingerprint(self) -> Fingerprint:
        """Return the name of this key."""
        return formats.fingerprint(suite=self.suite, kem_public=self.kem_public, signing_public=self.signing_public)


def check_suite(suite: int) -> None:
    """Refuse every suite but the current one; raises UnknownSuite."""
    if suite == RESERVED_X25519:
        raise UnknownSuite("Suite 1 (X25519 alone) is reserved and not in use. Make a key of suite 2.")
    if suite != MLKEM768_X25519:
        raise UnknownSuite("The key is of a suite that this version does not know. Upgrade the service first.")


class _HybridKey:
    """A private key of suite 2, grown from a 32-byte seed."""

    __slots__ = ("_private", "public")

    def __init__(self, *, kem_seed: bytes, signing_public: bytes = b"") -> None:
        """Expand the seed as X-Wing does: SHAKE256 to 64 bytes for ML-KEM-768 and 32 for X25519."""
        expanded = hashlib.shake_256(kem_seed).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self._private = MLKEM768X25519PrivateKey(mlkem, x25519)
        kem_public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        self.public = PublicKey(MLKEM768_X25519, kem_public, signing_public)

    @property
    def fingerprint(self) -> Fingerprint:
        """Return the name of the public half."""
        return self.public.fingerprint

    def open_sealed(self, sealed: bytes, *, info: bytes) -> bytes:
        """Open what was sealed to this key with the same info; raises CannotOpen otherwise."""
        try:
            return _HPKE.decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(
                "grant", "The sealed key does not open: it was changed, or belongs to another key or place."
            ) from error

    def open_seed(self, sealed: bytes, *, info: bytes) -> Seed:
        """Open a sealed seed; raises CannotOpen."""
        return Seed(self._open_secret(sealed, info))

    def open_data_key(self, sealed: bytes, *, info: bytes) -> DataKey:
        """Open a sealed data key; raises CannotOpen."""
        return DataKey(self._open_secret(sealed, info))

    def _open_secret(self, sealed: bytes, info: bytes) -> bytes:
        if len(sealed) != SEALED_KEY_LENGTH:
            raise CannotOpen("grant", "The sealed key does not have the length of one.")
        return self.open_sealed(sealed, info=info)

    def __repr__(self) -> str:
        """Name the public half only."""
        return f"{type(self).__name__}({self.fingerprint.hex})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A private key is not pickled.")


class PersonKey(_HybridKey):
    """The key of one person (P) or of one read token; its seed exists only wrapped."""

    __slots__ = ()

    @classmethod
    def from_seed(cls, seed: Seed) -> Self:
        """Grow the key from its seed, always the same key from the same seed."""
        return cls(kem_seed=seed.reveal())


class RecoveryKey(_HybridKey):
    """The authority's recovery key (R); outside tests and demos its seed exists only as the custodians' shares."""

    __slots__ = ()

    @classmethod
    def from_seed(cls, seed: Seed) -> Self:
        """Grow the key from its seed, as X-Wing does."""
        return cls(kem_seed=seed.reveal())


class EpochKey(_HybridKey):
    """One epoch of a school's key (S.n): it opens what was sealed to the school and signs for the school."""

    __slots__ = ("_signing_seed",)

    def __init__(self, *, kem_seed: bytes, signing_seed: bytes) -> None:
        """Take the two seeds that `from_seed` derives."""
        super().__init__(kem_seed=kem_seed, signing_public=signing.public_key_of(signing_seed))
        self._signing_seed = signing_seed

    @classmethod
    def from_seed(cls, seed: Seed) -> Self:
        """Grow both halves from one seed: HKDF outputs labelled `kem` and `sign`."""
        return cls(
            kem_seed=derive(seed.reveal(), "ptx/epoch-seed/1", "kem"),
            signing_seed=derive(seed.reveal(), "ptx/epoch-seed/1", "sign"),
        )

    def sign(self, message: bytes) -> bytes:
        """Sign a manifest, an acknowledgement, a certificate or a succession; 64 bytes."""
        return signing.sign(self._signing_seed, message)


def seal_to(public: PublicKey, secret: Seed | DataKey, *, info: bytes) -> bytes:
    """Seal a seed or a data key to a public key, bound to the info; 1,168 bytes."""
    return seal_bytes_to(public, secret.reveal(), info=info)


def seal_bytes_to(public: PublicKey, plaintext: bytes, *, info: bytes) -> bytes:
    """Seal other bytes to a public key, such as a form that came in after its session had expired."""
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public.kem_public[:_MLKEM_PUBLIC_LENGTH])
        x25519 = X25519PublicKey.from_public_bytes(public.kem_public[_MLKEM_PUBLIC_LENGTH:])
        return _HPKE.encrypt(plaintext, MLKEM768X25519PublicKey(mlkem, x25519), info)
    except ValueError as error:
        raise Mismatch("public_key", "The public key is not a usable key. Its owner has to make a new one.") from error


def verify_signature(public: PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether the school that owns this key signed the message; a key that cannot sign never did."""
    return signing.verify(public.signing_public, signature, message)


def check_signature(public: PublicKey, signature: bytes, message: bytes) -> None:
    """Insist on the signature; raises Mismatch with the reason `signature`."""
    if not verify_signature(public, signature, message):
        raise Mismatch("signature", "The signature was not made by the school's key.")
