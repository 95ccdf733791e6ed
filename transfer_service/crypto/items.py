"""Items: one note, attachment, cover or message, sealed under a data key of its own.

The plaintext is LP(header) body, zero padding, and the body's true length in the last 8 bytes, so that it can be
sealed as it arrives. The padding fills it up to a Padmé bucket, so that sizes tell little.
Source of the buckets: Nikitin and others, "Reducing Metadata Leakage from Encrypted Files" (2019), section 4.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Final, NoReturn

from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen, MalformedBytes, Mismatch
from transfer_service.crypto.layout import Reader, length_prefixed, unsigned
from transfer_service.crypto.sealing import HEADER_LENGTH, commitment_of, commits_to, encryptor, open_bytes
from transfer_service.crypto.suites import EpochKey, PublicKey, seal_to
from transfer_service.crypto.values import DataKey

SALT_LENGTH: Final = 32
SMALLEST_BUCKET: Final = 1024
"""Bytes: a short note and a shorter one look alike."""
_LENGTH_FIELD: Final = 8
_ZEROS: Final = bytes(65536)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedItem:
    """What manifest, grant and row say about an item, before it is opened."""

    ciphertext_sha256: bytes
    commitment: bytes
    content_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What may be known about a sealed item without opening it, for its row, its grant and the manifest."""

    ciphertext_sha256: bytes
    ciphertext_length: int
    commitment: bytes
    content_digest: bytes
    true_size: int
    """Bytes of the body. Shown to those who may open it; the row keeps the bucket."""
    size_bucket: int
    """Bytes of the padded plaintext."""

    @property
    def expected(self) -> ExpectedItem:
        """Return the three values that opening checks."""
        return ExpectedItem(
            ciphertext_sha256=self.ciphertext_sha256, commitment=self.commitment, content_digest=self.content_digest
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedItem:
    """One item sealed in one go: store the ciphertext and the facts, grant the key, forget the key."""

    data_key: DataKey
    ciphertext: bytes = field(repr=False)
    facts: ItemFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedItem:
    """What an item says."""

    name: str
    media_type: str
    body: bytes

    def __repr__(self) -> str:
        """Show nothing: this is the note itself."""
        return "OpenedItem(redacted)"


def size_bucket(length: int) -> int:
    """Return the padded size for this many bytes of plaintext: at most 12% more, never under 1,024 (Padmé)."""
    if length <= SMALLEST_BUCKET:
        return SMALLEST_BUCKET
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


class ItemSealer:
    """Seals one item as its body arrives, under a fresh data key; nothing is kept in clear.

    Write the bytes that `update` and `finish` return, in order, to where the ciphertext is stored.
    """

    def __init__(self, *, context: bytes, name: str, media_type: str) -> None:
        """Begin an item whose file name and media type are known; `context` is `formats.item_context`."""
        self.data_key = DataKey.generate()
        self._salt = os.urandom(SALT_LENGTH)
        self._header = length_prefixed(formats.plaintext_header(salt=self._salt, name=name, media_type=media_type))
        self._encryptor = encryptor(self.data_key.reveal(), context)
        self._ciphertext_hash = hashlib.sha256()
        self._content_hash = hashlib.sha256(b"ptx/content/1" + self._salt + self._header)
        self._first_bytes = b""
        self._ciphertext_length = 0
        self._true_size = 0
        self._pending = self._seal(self._header)

    def update(self, chunk: bytes) -> bytes:
        """Take the next bytes of the body and return the ciphertext that is ready, possibly none."""
        self._true_size += len(chunk)
        self._content_hash.update(chunk)
        pending, self._pending = self._pending, b""
        return pending + self._seal(chunk)

    def finish(self) -> tuple[bytes, ItemFacts]:
        """Return the rest of the ciphertext and the facts about all of it."""
        filled = len(self._header) + self._true_size + _LENGTH_FIELD
        bucket = size_bucket(filled)
        rest = [self._pending]
        missing = bucket - filled
        while missing:
            zeros = _ZEROS[:missing]
            rest.append(self._seal(zeros))
            missing -= len(zeros)
        rest.append(self._seal(unsigned(self._true_size, _LENGTH_FIELD)))
        rest.append(self._count(self._encryptor.finalize()))
        facts = ItemFacts(
            ciphertext_sha256=self._ciphertext_hash.digest(),
            ciphertext_length=self._ciphertext_length,
            commitment=commitment_of(self._first_bytes),
            content_digest=self._content_hash.digest(),
            true_size=self._true_size,
            size_bucket=bucket,
        )
        return b"".join(rest), facts

    def _seal(self, plaintext: bytes) -> bytes:
        return self._count(self._encryptor.update(plaintext))

    def _count(self, ciphertext: bytes) -> bytes:
        if len(self._first_bytes) < HEADER_LENGTH:
            self._first_bytes += ciphertext[: HEADER_LENGTH - len(self._first_bytes)]
        self._ciphertext_hash.update(ciphertext)
        self._ciphertext_length += len(ciphertext)
        return ciphertext

    def __repr__(self) -> str:
        """Show nothing of the item."""
        return "ItemSealer(redacted)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("An item that is being sealed is not pickled.")


def seal_item(*, context: bytes, name: str, media_type: str, body: bytes) -> SealedItem:
    """Seal a note, cover or message in one go under a fresh data key; `context` is `formats.item_context`."""
    sealer = ItemSealer(context=context, name=name, media_type=media_type)
    begun = sealer.update(body)
    rest, facts = sealer.finish()
    return SealedItem(data_key=sealer.data_key, ciphertext=begun + rest, facts=facts)


def open_item(data_key: DataKey, *, context: bytes, ciphertext: bytes, expected: ExpectedItem) -> OpenedItem:
    """Open an item only where ciphertext, commitment and content are what manifest and grant say.

    Raises Mismatch with the reason `ciphertext_sha256`, `commitment` or `content_digest`, and CannotOpen with
    `ciphertext` (wrong key, wrong place, changed) or `plaintext` (not written as an item is).
    """
    if not hmac.compare_digest(hashlib.sha256(ciphertext).digest(), expected.ciphertext_sha256):
        raise Mismatch("ciphertext_sha256", "The stored bytes are not those that the sending school sealed.")
    if not hmac.compare_digest(commitment_of(ciphertext), expected.commitment):
        raise Mismatch("commitment", "The key was granted for other sealed bytes than these.")
    plaintext = open_bytes(data_key.reveal(), ciphertext, context=context)
    header, body = _split_plaintext(plaintext)
    salt = header[:SALT_LENGTH]
    digest = formats.content_digest(salt=salt, header=header, body=body)
    if not hmac.compare_digest(digest, expected.content_digest):
        raise Mismatch("content_digest", "The contents are not those that the sending school signed.")
    name, media_type = _read_header(header)
    return OpenedItem(name=name, media_type=media_type, body=body)


def check_commitment(data_key: DataKey, *, context: bytes, header: bytes) -> bool:
    """Tell from the first 56 bytes of a ciphertext, without opening it, whether this key would open it."""
    return len(header) >= HEADER_LENGTH and commits_to(data_key.reveal(), header, context=context)


def grant_item(data_key: DataKey, public: PublicKey, *, info: bytes) -> bytes:
    """Seal an item's key to a school's epoch; `info` is `formats.item_grant_info`. Returns 1,168 bytes."""
    return seal_to(public, data_key, info=info)


def open_item_grant(epoch_key: EpochKey, sealed: bytes, *, info: bytes) -> DataKey:
    """Open the grant of an item's key with the school's epoch key; raises CannotOpen with the reason `grant`."""
    return epoch_key.open_data_key(sealed, info=info)


def _split_plaintext(plaintext: bytes) -> tuple[bytes, bytes]:
    reader = Reader(plaintext)
    try:
        header = reader.length_prefixed()
        rest = reader.take(len(plaintext) - 2 - len(header) - _LENGTH_FIELD)
        true_size = reader.unsigned(_LENGTH_FIELD)
        reader.end()
    except MalformedBytes as error:
        raise _not_an_item() from error
    body = rest[:true_size]
    if len(header) < SALT_LENGTH or len(body) != true_size or rest[true_size:].strip(b"\x00"):
        raise _not_an_item()
    return header, body


def _read_header(header: bytes) -> tuple[str, str]:
    reader = Reader(header)
    reader.take(SALT_LENGTH)
    try:
        name, media_type = reader.text(), reader.text()
        reader.end()
    except MalformedBytes as error:
        raise _not_an_item() from error
    return name, media_type


def _not_an_item() -> CannotOpen:
    return CannotOpen("plaintext", "What was sealed is not written as an item is. The sender has to seal it again.")
