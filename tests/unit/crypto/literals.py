"""The same few ids and hashes in every test of bytes."""

from uuid import UUID

from transfer_service.crypto.values import Fingerprint

TRANSFER = UUID(bytes=b"\x11" * 16)
DISPATCH = UUID(bytes=b"\x22" * 16)
ITEM = UUID(bytes=b"\x33" * 16)
SENDER = UUID(bytes=b"\x44" * 16)
RECEIVER = UUID(bytes=b"\x55" * 16)
PERSON = UUID(bytes=b"\x66" * 16)
OTHER = UUID(bytes=b"\x77" * 16)
HASH_A = b"\xaa" * 32
HASH_B = b"\xbb" * 32
HASH_C = b"\xcc" * 32
FINGERPRINT = Fingerprint(b"\xdd" * 32)
OTHER_FINGERPRINT = Fingerprint(b"\xee" * 32)
