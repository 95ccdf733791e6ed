"""The bytes that sealed things are bound to, one function for each format.

LP(x) is a two-byte big-endian length followed by the bytes; numbers have fixed width and are big-endian; UUIDs have
16 bytes. A context never holds anything that may change (no URN, no status), and the receiver of an item stands
only in the grant of its key, so that redirecting and forwarding re-encrypt nothing.
Every format begins with its name and version; a changed format gets a new name. The numbers in the closed lists are
assigned for good, those too that nothing uses.
"""

import hashlib
from enum import IntEnum
from uuid import UUID

from transfer_service.crypto.layout import hash32, length_prefixed, unsigned
from transfer_service.crypto.values import Fingerprint


class ItemKind(IntEnum):
    """What an item holds; the numbers are sealed into its context and never change."""

    COVER = 1
    NOTE = 2
    ATTACHMENT = 3
    MESSAGE = 4
    """Free text beside an act, such as why a file was sent back or what was withheld."""


class DispatchKind(IntEnum):
    """What a manifest announces; the numbers are signed and never change."""

    FILE = 1
    NIL = 2
    SUPPLEMENT = 3
    BRIEFING = 4
    COPY = 5
    DELIVERY = 6
    FORWARD = 7
    REDIRECT = 8


class GranteeKind(IntEnum):
    """Whom a school's epoch seed is sealed to."""

    PERSON = 1
    TOKEN = 2
    RECOVERY = 3
    SUCCESSOR = 4
    """The epoch of another school that takes over this one's files."""


class UnlockKind(IntEnum):
    """By what a person's seed is wrapped."""

    PASSWORD = 1
    PASSPHRASE = 2
    """Beside single sign-on, which proves identity and unlocks nothing."""
    RECOVERY_CODE = 3
    PASSKEY = 4
    SESSION = 5
    TOKEN = 6


class KeyKind(IntEnum):
    """Whose public key a row holds; goes into the authentication of that row."""

    RECOVERY = 1
    EPOCH = 2
    PERSON = 3
    TOKEN = 4


def item_context(
    *, deployment: str, transfer: UUID, item: UUID, sender_org: UUID, kind: ItemKind, revision: int
) -> bytes:
    """Return what an item's ciphertext is bound to; the receiving school is not part of it."""
    return b"".join(
        (
            length_prefixed("ptx/item/1"),
            length_prefixed(deployment),
            transfer.bytes,
            item.bytes,
            sender_org.bytes,
            unsigned(ItemKind(kind), 1),
            unsigned(revision, 4),
        )
    )


def item_grant_info(
    *,
    suite: int,
    deployment: str,
    transfer: UUID,
    dispatch: UUID,
    item: UUID,
    commitment: bytes,
    recipient_org: UUID,
    epoch: int,
    fingerprint: Fingerprint,
) -> bytes:
    """Return what an item's data key is bound to when it is sealed to one school's epoch.

    `commitment` is bytes 24..56 of the item's ciphertext, so that the grant opens no other ciphertext.
    """
    return b"".join(
        (
            length_prefixed("ptx/item-grant/1"),
            unsigned(suite, 2),
            length_prefixed(deployment),
            transfer.bytes,
            dispatch.bytes,
            item.bytes,
            hash32(commitment),
            recipient_org.bytes,
            unsigned(epoch, 4),
            fingerprint.digest,
        )
    )


def key_grant_info(
    *,
    suite: int,
    deployment: str,
    org: UUID,
    epoch: int,
    epoch_fingerprint: Fingerprint,
    grantee_kind: GranteeKind,
    grantee: UUID,
    grantee_version: int,
    grantee_fingerprint: Fingerprint,
) -> bytes:
    """Return what a school's epoch seed is bound to when it is sealed to a person, token, recovery key or successor."""
    return b"".join(
        (
            length_prefixed("ptx/key-grant/1"),
            unsigned(suite, 2),
            length_prefixed(deployment),
            org.bytes,
            unsigned(epoch, 4),
            epoch_fingerprint.digest,
            unsigned(GranteeKind(grantee_kind), 1),
            grantee.bytes,
            unsigned(grantee_version, 4),
            grantee_fingerprint.digest,
        )
    )


def unlock_context(
    *, deployment: str, person: UUID, key_version: int, unlock_kind: UnlockKind, unlock: UUID, kdf_parameters: str
) -> bytes:
    """Return what a wrapped person seed is bound to, the parameters of the key derivation included."""
    return b"".join(
        (
            length_prefixed("ptx/unlock/1"),
            length_prefixed(deployment),
            person.bytes,
            unsigned(key_version, 4),
            unsigned(UnlockKind(unlock_kind), 1),
            unlock.bytes,
            length_prefixed(kdf_parameters),
        )
    )


def session_context(*, deployment: str, person: UUID, key_version: int, absolute_expiry: int) -> bytes:
    """Return what a person seed wrapped for a session is bound to; `absolute_expiry` in Unix seconds."""
    return b"".join(
        (
            length_prefixed("ptx/session/1"),
            length_prefixed(deployment),
            person.bytes,
            unsigned(key_version, 4),
            unsigned(absolute_expiry, 8),
        )
    )


def held_form_info(
    *, suite: int, deployment: str, person: UUID, key_version: int, form: UUID, fingerprint: Fingerprint
) -> bytes:
    """Return what a form posted after its session expired is bound to while it is kept sealed to its author."""
    return b"".join(
        (
            length_prefixed("ptx/held-form/1"),
            unsigned(suite, 2),
            length_prefixed(deployment),
            person.bytes,
            unsigned(key_version, 4),
            form.bytes,
            fingerprint.digest,
        )
    )


def field_context(*, deployment: str, table: str, column: str, row: UUID, key_id: int) -> bytes:
    """Return what an encrypted column's value is bound to: it opens in no other row, column or table."""
    return b"".join(
        (
            length_prefixed("ptx/field/1"),
            length_prefixed(deployment),
            length_prefixed(table),
            length_prefixed(column),
            row.bytes,
            unsigned(key_id, 2),
        )
    )


def acknowledgement(
    *,
    deployment: str,
    transfer: UUID,
    dispatch: UUID,
    manifest_hash: bytes,
    statement_version: str,
    statement: str,
    person: UUID,
) -> bytes:
    """Return the acknowledgement that the receiving school's epoch signs; its SHA-256 is the leaf's digest.

    The statement stands in it word for word.
    """
    return b"".join(
        (
            length_prefixed("ptx/ack/1"),
            length_prefixed(deployment),
            transfer.bytes,
            dispatch.bytes,
            hash32(manifest_hash),
            length_prefixed(statement_version),
            length_prefixed(statement),
            person.bytes,
        )
    )


def epoch_succession(*, deployment: str, org: UUID, epoch: int, fingerprint: Fingerprint, previous_epoch: int) -> bytes:
    """Return what a school's epoch signs to name the one that follows it."""
    return b"".join(
        (
            length_prefixed("ptx/epoch/1"),
            length_prefixed(deployment),
            org.bytes,
            unsigned(epoch, 4),
            fingerprint.digest,
            unsigned(previous_epoch, 4),
        )
    )


def public_key_record(
    *, kind: KeyKind, owner: UUID, epoch: int, suite: int, kem_public: bytes, signing_public: bytes, state: str
) -> bytes:
    """Return what the authentication of a public-key row covers; `epoch` is the version for other kinds of key."""
    return b"".join(
        (
            length_prefixed("ptx/public-key/1"),
            unsigned(KeyKind(kind), 1),
            owner.bytes,
            unsigned(epoch, 4),
            unsigned(suite, 2),
            length_prefixed(kem_public),
            length_prefixed(signing_public),
            length_prefixed(state),
        )
    )


def plaintext_header(*, salt: bytes, name: str, media_type: str) -> bytes:
    """Return the header that goes, length first, before an item's body: salt, file name, media type."""
    return hash32(salt) + length_prefixed(name) + length_prefixed(media_type)


def content_digest(*, salt: bytes, header: bytes, body: bytes) -> bytes:
    """Return the digest of what an item says, the same whatever key or ciphertext it travels under."""
    return hashlib.sha256(b"ptx/content/1" + hash32(salt) + length_prefixed(header) + body).digest()


def fingerprint(*, suite: int, kem_public: bytes, signing_public: bytes) -> Fingerprint:
    """Return the name of a public key; keys that cannot sign have an empty signing half."""
    encoded = unsigned(suite, 2) + length_prefixed(kem_public) + length_prefixed(signing_public)
    return Fingerprint(hashlib.sha256(b"ptx/key/1" + encoded).digest())
