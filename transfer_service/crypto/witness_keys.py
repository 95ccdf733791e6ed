"""The key of a witness: an Ed25519 seed with the name it cosigns under, in the text forms of C2SP signed-note.

A signing key is `PRIVATE+KEY+<name>+<key id in hex>+<base64 of algorithm byte 4 and the seed>`.
Sources: https://c2sp.org/signed-note and https://c2sp.org/tlog-cosignature.
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from typing import Final, NoReturn

from transfer_service.crypto.errors import MalformedText
from transfer_service.crypto.signing import ED25519_COSIGNATURE, SEED_LENGTH, VerifierKey, public_key_of

_PREFIX: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's name and its 32-byte seed."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        """Return the public half, for the log's policy; raises MalformedText for a name that a note cannot carry."""
        return VerifierKey(self.name, public_key_of(self.seed), ED25519_COSIGNATURE)

    def to_text(self) -> str:
        """Return the secret itself as text: write it to a protected file."""
        encoded = base64.b64encode(bytes([ED25519_COSIGNATURE]) + self.seed).decode()
        return f"{_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{encoded}"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, copied into a queue or a cache."""
        raise TypeError("A witness's key is not pickled.")


def new_witness_key(name: str) -> WitnessKey:
    """Draw a new key; raises MalformedText for a name with spaces or plus signs."""
    key = WitnessKey(name, os.urandom(SEED_LENGTH))
    _ = key.verifier
    return key


def read_witness_key(text: str) -> WitnessKey:
    """Read a witness's key; raises MalformedText where it is none, without repeating any of it."""
    parts = text.strip().removeprefix(_PREFIX).split("+", 2)
    try:
        if not text.strip().startswith(_PREFIX):
            raise ValueError
        name, identifier, encoded = parts
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise MalformedText("A witness's key begins with PRIVATE+KEY and holds a name, a key id and base64.") from error
    if len(raw) != 1 + SEED_LENGTH or raw[0] != ED25519_COSIGNATURE:
        raise MalformedText("This is not the key of a witness: make one with transfer-service witness new.")
    key = WitnessKey(name, raw[1:])
    if key.verifier.key_id.hex() != identifier:
        raise MalformedText("The parts of the witness's key do not belong together: it was altered.")
    return key
