"""What the authentication of a school's epoch says of where it comes from; its key is authenticated by itself."""

from uuid import UUID

from transfer_service.crypto.layout import length_prefixed, unsigned
from transfer_service.crypto.values import Fingerprint


def epoch_origin(
    *, org: UUID, epoch: int, fingerprint: Fingerprint, made_at: int, made_by: UUID, approved_by: UUID | None
) -> bytes:
    """Return what authenticates where a school's epoch comes from; `made_at` in microseconds since 1970.

    Sixteen zeros stand for nobody: a key that its holders made after another one needs no approval.
    """
    return b"".join(
        (
            length_prefixed("ptx/epoch-origin/1"),
            org.bytes,
            unsigned(epoch, 4),
            fingerprint.digest,
            unsigned(made_at, 8),
            made_by.bytes,
            approved_by.bytes if approved_by else bytes(16),
        )
    )
