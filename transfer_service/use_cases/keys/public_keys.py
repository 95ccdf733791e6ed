"""Public keys as the database has them, each checked before it is used.

Every row is compared with its authentication (docs/keys.md, rule 2): whoever can write the database still cannot put a
key of their own in place of a school's, a person's or an authority's.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto import errors as crypto_errors
from transfer_service.crypto.formats import KeyKind
from transfer_service.crypto.suites import PublicKey
from transfer_service.db.models import PersonKey, RecoveryKey, SchoolEpoch
from transfer_service.db.queries.keys import find_active_epoch_row
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import KeyState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.logged_epochs import is_as_logged


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEpoch:
    """The public halves of one epoch of a school's key, found authentic."""

    id: UUID
    school_id: UUID
    number: int
    public: PublicKey
    state: KeyState


def get_public_epoch(session: Session, at: Installation, school_id: UUID, number: int) -> PublicEpoch:
    """Return the public halves of one epoch, in any state, for checking signatures.

    Raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC) where the row is not as the service wrote it, or is gone.
    """
    row = session.scalar(select(SchoolEpoch).where(SchoolEpoch.school_id == school_id, SchoolEpoch.number == number))
    if row is None:
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC)
    return authentic_epoch(at, row)


def find_active_epoch(session: Session, at: Installation, school_id: UUID) -> PublicEpoch | None:
    """Return the epoch that is sealed to now, or None where nobody at the school can open anything.

    Raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC), also for an earlier one that is in use otherwise than the log says.
    """
    row = find_active_epoch_row(session, school_id)
    found = None if row is None else authentic_epoch(at, row)
    if row is not None and not is_as_logged(session, row):
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC)
    return found


def find_person_key(session: Session, person_id: UUID) -> PersonKey | None:
    """Return the row of the person's key that is in use, not yet checked."""
    return session.scalar(select(PersonKey).where(PersonKey.person_id == person_id, PersonKey.state == KeyState.ACTIVE))


def authentic_epoch(at: Installation, row: SchoolEpoch) -> PublicEpoch:
    """Check one row of a school's key; raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC)."""
    public = _checked(
        at, row, kind=KeyKind.EPOCH, owner=row.school_id, number=row.number, signing_public=row.signing_public
    )
    return PublicEpoch(id=row.id, school_id=row.school_id, number=row.number, public=public, state=row.state)


def authentic_person_key(at: Installation, row: PersonKey) -> PublicKey:
    """Check one row of a person's key; raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC)."""
    return _checked(at, row, kind=KeyKind.PERSON, owner=row.person_id, number=row.version)


def authentic_recovery_key(at: Installation, row: RecoveryKey) -> PublicKey:
    """Check one row of an authority's recovery key; raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC)."""
    return _checked(at, row, kind=KeyKind.RECOVERY, owner=row.authority_id, number=row.number)


def _checked(
    at: Installation,
    row: SchoolEpoch | PersonKey | RecoveryKey,
    *,
    kind: KeyKind,
    owner: UUID,
    number: int,
    signing_public: bytes = b"",
) -> PublicKey:
    try:
        public = PublicKey(row.suite, row.kem_public, signing_public)
    except crypto_errors.CryptoError:
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC) from None
    authentic = at.field_keys.is_authentic_public_key(
        row.mac, public, kind=kind, owner=owner, epoch=number, state=row.state.value
    )
    if not authentic or public.fingerprint.digest != row.fingerprint:
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC)
    return public
