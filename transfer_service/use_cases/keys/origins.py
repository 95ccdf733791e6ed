"""Where a school's key comes from: since when, made and approved by whom. People rely on it, so it is authenticated.

Whoever can write the database could else give a key an older date or another officer's name (docs/keys.md, rule 2).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from transfer_service.crypto.origins import epoch_origin
from transfer_service.crypto.values import Fingerprint
from transfer_service.db.models import SchoolEpoch
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.use_cases.installation import Installation

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def authenticate_origin(at: Installation, row: SchoolEpoch) -> bytes:
    """Return what proves the origin of an epoch's row, with all its columns set."""
    return at.field_keys.authenticate_origin(_write(row))


def has_origin(at: Installation, row: SchoolEpoch) -> bool:
    """Tell whether it is known where an epoch comes from; False for those made before that was recorded.

    Raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC) where it is recorded otherwise than the service wrote it.
    """
    if row.origin_mac is None:
        return False
    if not at.field_keys.is_authentic_origin(row.origin_mac, _write(row)):
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC)
    return True


def _write(row: SchoolEpoch) -> bytes:
    return epoch_origin(
        org=row.school_id,
        epoch=row.number,
        fingerprint=Fingerprint(row.fingerprint),
        made_at=(row.created_at - _EPOCH) // timedelta(microseconds=1),
        made_by=row.created_by,
        approved_by=row.approved_by,
    )
