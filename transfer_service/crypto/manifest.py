"""The manifest: what the sending school signs about one dispatch. Its hash is the digest of the leaf."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from transfer_service.crypto.errors import MalformedBytes
from transfer_service.crypto.formats import DispatchKind
from transfer_service.crypto.layout import Json, Reader, canonical_json, hash32, length_prefixed, unsigned
from transfer_service.crypto.values import Fingerprint

NO_PREVIOUS_MANIFEST: Final = bytes(32)
NO_EPOCH_YET: Final = 0
"""Stands, with a fingerprint of zeros, for the key of a receiving school that has none when a file is sent to it."""
_LABEL: Final = "ptx/manifest/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestItem:
    """One note or attachment: which revision, which ciphertext, which content."""

    item: UUID
    revision: int
    ciphertext_sha256: bytes
    content_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRecipient:
    """One school that the items' keys were granted to, with the key that was used."""

    org: UUID
    epoch: int
    fingerprint: Fingerprint

    @classmethod
    def awaiting_key(cls, org: UUID) -> Self:
        """Return the entry of a receiving school without a key: signed too, so that no other takes its place."""
        return cls(org=org, epoch=NO_EPOCH_YET, fingerprint=Fingerprint(bytes(32)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything the sending school vouches for in one dispatch, chained to the manifest before it."""

    deployment: str
    transfer: UUID
    dispatch: UUID
    number: int
    kind: DispatchKind
    previous_hash: bytes
    cover_digest: bytes
    withheld_and_paper_digest: bytes
    signer_org: UUID
    signer_epoch: int
    items: tuple[ManifestItem, ...]
    recipients: tuple[ManifestRecipient, ...]

    def encode(self) -> bytes:
        """Return the bytes that are signed; raises MalformedBytes where a number or hash does not fit."""
        items = b"".join(
            entry.item.bytes
            + unsigned(entry.revision, 4)
            + hash32(entry.ciphertext_sha256)
            + hash32(entry.content_digest)
            for entry in self.items
        )
        recipients = b"".join(
            entry.org.bytes + unsigned(entry.epoch, 4) + entry.fingerprint.digest for entry in self.recipients
        )
        return b"".join(
            (
                length_prefixed(_LABEL),
                length_prefixed(self.deployment),
                self.transfer.bytes,
                self.dispatch.bytes,
                unsigned(self.number, 4),
                unsigned(DispatchKind(self.kind), 1),
                hash32(self.previous_hash),
                hash32(self.cover_digest),
                hash32(self.withheld_and_paper_digest),
                self.signer_org.bytes,
                unsigned(self.signer_epoch, 4),
                unsigned(len(self.items), 2),
                items,
                unsigned(len(self.recipients), 2),
                recipients,
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a manifest; raises MalformedBytes where anything is missing, unknown or left over."""
        reader = Reader(encoded)
        reader.label(_LABEL)
        manifest = cls(
            deployment=reader.text(),
            transfer=reader.uuid(),
            dispatch=reader.uuid(),
            number=reader.unsigned(4),
            kind=_dispatch_kind(reader.unsigned(1)),
            previous_hash=reader.take(32),
            cover_digest=reader.take(32),
            withheld_and_paper_digest=reader.take(32),
            signer_org=reader.uuid(),
            signer_epoch=reader.unsigned(4),
            items=tuple(_read_item(reader) for _ in range(reader.unsigned(2))),
            recipients=tuple(_read_recipient(reader) for _ in range(reader.unsigned(2))),
        )
        reader.end()
        return manifest

    @property
    def hash(self) -> bytes:
        """Return SHA-256 of the encoding: the digest of the sent leaf, and the link of the next manifest."""
        return manifest_hash(self.encode())


def manifest_hash(encoded: bytes) -> bytes:
    """Return SHA-256 of an encoded manifest."""
    return hashlib.sha256(encoded).digest()


def acknowledgement_hash(encoded: bytes) -> bytes:
    """Return SHA-256 of an encoded acknowledgement: the digest of its leaf."""
    return hashlib.sha256(encoded).digest()


def withheld_and_paper_digest(
    *, withheld: Sequence[Mapping[str, Json]] = (), paper: Sequence[Mapping[str, Json]] = ()
) -> bytes:
    """Return the digest over the lists of what was withheld and of what travels on paper, also where both are empty."""
    encoded = canonical_json({"paper": list(paper), "withheld": list(withheld)})
    return hashlib.sha256(b"ptx/withheld/1" + encoded).digest()


def _dispatch_kind(number: int) -> DispatchKind:
    try:
        return DispatchKind(number)
    except ValueError as error:
        raise MalformedBytes("The manifest is of a kind that this version does not know.") from error


def _read_item(reader: Reader) -> ManifestItem:
    return ManifestItem(
        item=reader.uuid(),
        revision=reader.unsigned(4),
        ciphertext_sha256=reader.take(32),
        content_digest=reader.take(32),
    )


def _read_recipient(reader: Reader) -> ManifestRecipient:
    return ManifestRecipient(org=reader.uuid(), epoch=reader.unsigned(4), fingerprint=Fingerprint(reader.take(32)))
