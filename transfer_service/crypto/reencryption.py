"""Encrypting an item again: the same plaintext under a new data key, and what the school that did it signs.

The plaintext goes on byte for byte, with its salt, header and padding: the content digest in the sender's manifest
stays true. It passes in pieces, so that a large attachment is never in memory whole. What was made is read back, piece
by piece, before anybody relies on it.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, Self
from uuid import UUID

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag

from transfer_service.crypto.errors import CannotOpen, Mismatch
from transfer_service.crypto.items import SALT_LENGTH, ExpectedItem
from transfer_service.crypto.layout import Reader, hash32, length_prefixed, unsigned
from transfer_service.crypto.sealing import HEADER_LENGTH, commitment_of, encryptor
from transfer_service.crypto.values import DataKey

_LABEL: Final = "ptx/reencrypted/1"
_LENGTH_FIELD: Final = 8
_LP_FIELD: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reencryption:
    """What a school states when it has encrypted an item again: from which ciphertext to which, with what inside."""

    deployment: str
    transfer: UUID
    item: UUID
    old_revision: int
    old_sha256: bytes
    new_revision: int
    new_sha256: bytes
    commitment: bytes
    content_digest: bytes
    signer_org: UUID
    signer_epoch: int

    def encode(self) -> bytes:
        """Return the bytes that are signed; their SHA-256 is the leaf's digest. Raises MalformedBytes."""
        return b"".join(
            (
                length_prefixed(_LABEL),
                length_prefixed(self.deployment),
                self.transfer.bytes,
                self.item.bytes,
                unsigned(self.old_revision, 4),
                hash32(self.old_sha256),
                unsigned(self.new_revision, 4),
                hash32(self.new_sha256),
                hash32(self.commitment),
                hash32(self.content_digest),
                self.signer_org.bytes,
                unsigned(self.signer_epoch, 4),
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a statement; raises MalformedBytes where anything is missing, unknown or left over."""
        reader = Reader(encoded)
        reader.label(_LABEL)
        statement = cls(
            deployment=reader.text(),
            transfer=reader.uuid(),
            item=reader.uuid(),
            old_revision=reader.unsigned(4),
            old_sha256=reader.take(32),
            new_revision=reader.unsigned(4),
            new_sha256=reader.take(32),
            commitment=reader.take(32),
            content_digest=reader.take(32),
            signer_org=reader.uuid(),
            signer_epoch=reader.unsigned(4),
        )
        reader.end()
        return statement


def reencryption_hash(encoded: bytes) -> bytes:
    """Return SHA-256 of an encoded statement: the digest of its leaf."""
    return hashlib.sha256(encoded).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCiphertext:
    """What is known about the ciphertext that was made; `ciphertext_length` and `true_size` in bytes."""

    ciphertext_sha256: bytes
    ciphertext_length: int
    commitment: bytes
    true_size: int


class ItemReencryptor:
    """Passes one item from its old data key to a fresh one, piece by piece; nothing is kept in clear."""

    def __init__(self, old_key: DataKey, *, old_context: bytes, new_context: bytes, expected: ExpectedItem) -> None:
        """Prepare: the contexts are `formats.item_context` of the old and the new revision."""
        self.data_key = DataKey.generate()
        self._expected = expected
        self._decryptor = Cobblestone256Decryptor(old_key.reveal(), old_context)
        self._encryptor = encryptor(self.data_key.reveal(), new_context)
        self._old = _Seen()
        self._new = _Seen()
        self._tail = b""
        self._is_done = False

    def run(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Take the old ciphertext in pieces and give the new one in pieces; the last comes after all was checked.

        Raises Mismatch with the reason `ciphertext_sha256` or `commitment`, and CannotOpen with `ciphertext`, so that
        whoever stores the pieces keeps none of them.
        """
        for chunk in chunks:
            self._old.add(chunk)
            piece = self._encrypt(_opened(self._decryptor.update, chunk))
            if piece:
                yield piece
        rest = self._encrypt(_opened(self._decryptor.finalize))
        self._check_old()
        rest += self._new.add(self._encryptor.finalize())
        self._is_done = True
        yield rest

    @property
    def made(self) -> NewCiphertext:
        """What was made, once `run` has given its last piece; RuntimeError before."""
        if not self._is_done:
            raise RuntimeError("the item was not encrypted to its end")
        return NewCiphertext(
            ciphertext_sha256=self._new.digest,
            ciphertext_length=self._new.length,
            commitment=commitment_of(self._new.start),
            true_size=int.from_bytes(self._tail, "big"),
        )

    def _encrypt(self, plaintext: bytes) -> bytes:
        self._tail = (self._tail + plaintext)[-_LENGTH_FIELD:]
        return self._new.add(self._encryptor.update(plaintext))

    def _check_old(self) -> None:
        if not hmac.compare_digest(self._old.digest, self._expected.ciphertext_sha256):
            raise Mismatch("ciphertext_sha256", "The stored bytes are not those that were sealed.")
        if not hmac.compare_digest(commitment_of(self._old.start), self._expected.commitment):
            raise Mismatch("commitment", "The key was granted for other sealed bytes than these.")

    def __repr__(self) -> str:
        """Show nothing of the item."""
        return "ItemReencryptor(redacted)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("An item that is being encrypted is not pickled.")


def check_reencrypted(
    data_key: DataKey, *, context: bytes, chunks: Iterable[bytes], made: NewCiphertext, content_digest: bytes
) -> None:
    """Read a new ciphertext back in pieces and compare all of it with what was made and what the sender signed.

    Raises Mismatch with the reason `ciphertext_sha256`, `commitment` or `content_digest`, CannotOpen with `ciphertext`
    or `plaintext`.
    """
    decryptor = Cobblestone256Decryptor(data_key.reveal(), context)
    seen, contents = _Seen(), _Contents(made.true_size)
    for chunk in chunks:
        seen.add(chunk)
        contents.add(_opened(decryptor.update, chunk))
    contents.add(_opened(decryptor.finalize))
    if not hmac.compare_digest(seen.digest, made.ciphertext_sha256) or seen.length != made.ciphertext_length:
        raise Mismatch("ciphertext_sha256", "What was read back is not what was written.")
    if not hmac.compare_digest(commitment_of(seen.start), made.commitment):
        raise Mismatch("commitment", "What was read back commits to another key.")
    if not hmac.compare_digest(contents.digest, content_digest):
        raise Mismatch("content_digest", "The contents are not those that the sending school signed.")


class _Seen:
    """Counts and hashes the bytes that pass, and keeps the first of them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.length = 0
        self.start = b""

    def add(self, piece: bytes) -> bytes:
        if len(self.start) < HEADER_LENGTH:
            self.start += piece[: HEADER_LENGTH - len(self.start)]
        self._hash.update(piece)
        self.length += len(piece)
        return piece

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


class _Contents:
    """Takes a plaintext in pieces and hashes what the content digest covers: salt, header and body, no padding."""

    def __init__(self, true_size: int) -> None:
        self._left = true_size
        self._begun = b""
        self._hash: hashlib._Hash | None = None

    def add(self, plaintext: bytes) -> None:
        if self._hash is None:
            self._begun += plaintext
            plaintext = self._read_header()
        body = plaintext[: self._left]
        self._left -= len(body)
        if self._hash is not None:
            self._hash.update(body)

    @property
    def digest(self) -> bytes:
        if self._hash is None or self._left:
            raise CannotOpen("plaintext", "What was sealed is not written as an item is.")
        return self._hash.digest()

    def _read_header(self) -> bytes:
        """Begin to hash once the whole header is there, and return what came after it."""
        end = _LP_FIELD + int.from_bytes(self._begun[:_LP_FIELD], "big")
        if len(self._begun) < max(end, _LP_FIELD):
            return b""
        header = self._begun[_LP_FIELD:end]
        self._hash = hashlib.sha256(b"ptx/content/1" + header[:SALT_LENGTH] + self._begun[:end])
        return self._begun[end:]


def _opened(read: Callable[..., bytes], *given: bytes) -> bytes:
    try:
        return read(*given)
    except InvalidTag as error:
        raise CannotOpen(
            "ciphertext", "What was sealed does not open: it was changed, or belongs to another key or place."
        ) from error
