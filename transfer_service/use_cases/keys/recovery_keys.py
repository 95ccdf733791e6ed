"""The recovery key of an authority: its public half, which every school epoch is escrowed to.

The seed exists only as the custodians' shares. Which key is the right one stands in a setting outside the database,
so that whoever can write the database cannot have files escrowed to a key of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.suites import PublicKey
from transfer_service.db.models import Authority, RecoveryKey
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.keys import KeyState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import authentic_recovery_key


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRecoveryKey:
    """An authority's recovery key, found authentic and as the settings name it."""

    id: UUID
    authority_id: UUID
    number: int
    public: PublicKey


def get_recovery_key(session: Session, at: Installation, authority_id: UUID) -> PublicRecoveryKey:
    """Return the key that epochs are escrowed to.

    Raises RuleForbids where the authority has none or the setting RECOVERY_KEYS names another, and
    CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC) where the row is not as the service wrote it.
    """
    row = session.scalar(
        select(RecoveryKey).where(RecoveryKey.authority_id == authority_id, RecoveryKey.state == KeyState.ACTIVE)
    )
    if row is None:
        raise RuleForbids(
            "authority_not_enrolled",
            "The authority has not joined the service with a recovery key, so that no key can be made for its schools. "
            "Ask the authority to arrange it with the administrator.",
        )
    public = authentic_recovery_key(at, row)
    authority = session.get_one(Authority, authority_id)
    if at.recovery_keys.get(authority.la_code) != public.fingerprint.hex:
        raise RuleForbids(
            "recovery_key_differs",
            "The authority’s recovery key is not the one that the setting RECOVERY_KEYS names, so that no key is made. "
            "Ask the administrator to compare the fingerprint with the one from the custodians’ ceremony.",
        )
    return PublicRecoveryKey(id=row.id, authority_id=authority_id, number=row.number, public=public)


def add_recovery_key(
    session: Session, at: Installation, *, authority_id: UUID, public: PublicKey, number: int = 1
) -> RecoveryKey:
    """Add the row of an authority's recovery key, authenticated with the field keys."""
    row = RecoveryKey(
        id=at.new_id(),
        authority_id=authority_id,
        number=number,
        suite=public.suite,
        kem_public=public.kem_public,
        fingerprint=public.fingerprint.digest,
        state=KeyState.ACTIVE,
        mac=at.field_keys.authenticate_public_key(
            public, kind=formats.KeyKind.RECOVERY, owner=authority_id, epoch=number, state=KeyState.ACTIVE.value
        ),
        created_at=at.now(),
    )
    session.add(row)
    return row
