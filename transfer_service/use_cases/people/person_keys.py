"""Rows of a person's key P: making one, and wrapping its seed under a password or a recovery code.

The seed exists only inside unlock rows. Nothing here decides who may.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys, unwrap_person_seed, wrap_person_seed
from transfer_service.crypto.values import Seed, WrappingKey
from transfer_service.db.models import Person, Unlock
from transfer_service.db.models import PersonKey as PersonKeyRow
from transfer_service.domain.errors import CannotOpen, Helper, OpeningFailure
from transfer_service.domain.keys import KeyState, UnlockKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import authentic_person_key, find_person_key


def add_person_key(session: Session, at: Installation, *, person_id: UUID, seed: Seed) -> PersonKeyRow:
    """Add the next version of a person's key, and retire the one before it."""
    public = PersonKey.from_seed(seed).public
    previous = find_person_key(session, person_id)
    if previous is not None:
        old = authentic_person_key(at, previous)
        previous.state = KeyState.RETIRED
        previous.mac = at.field_keys.authenticate_public_key(
            old,
            kind=formats.KeyKind.PERSON,
            owner=person_id,
            epoch=previous.version,
            state=KeyState.RETIRED.value,
        )
        session.flush()
    newest = session.scalar(select(func.max(PersonKeyRow.version)).where(PersonKeyRow.person_id == person_id))
    version = (newest or 0) + 1
    row = PersonKeyRow(
        id=at.new_id(),
        person_id=person_id,
        version=version,
        suite=public.suite,
        kem_public=public.kem_public,
        fingerprint=public.fingerprint.digest,
        state=KeyState.ACTIVE,
        mac=at.field_keys.authenticate_public_key(
            public, kind=formats.KeyKind.PERSON, owner=person_id, epoch=version, state=KeyState.ACTIVE.value
        ),
        created_at=at.now(),
    )
    session.add(row)
    session.flush()
    return row


def set_password(
    session: Session,
    at: Installation,
    person: Person,
    *,
    key_version: int,
    seed: Seed,
    parameters: KdfParameters,
    keys: PasswordKeys,
) -> None:
    """Wrap the seed under a password, and only after reading it back let go of what the old password unwrapped."""
    added = add_unlock(
        session,
        at,
        person_id=person.id,
        key_version=key_version,
        seed=seed,
        kind=UnlockKind.PASSWORD,
        parameters=parameters.text,
        wrapping_key=keys.wrapping_key,
    )
    session.execute(
        delete(Unlock).where(Unlock.person_id == person.id, Unlock.kind == UnlockKind.PASSWORD, Unlock.id != added.id)
    )
    person.password_parameters = parameters.text
    person.password_verifier = keys.verifier_hash
    person.password_changed_at = at.now()


def add_unlock(
    session: Session,
    at: Installation,
    *,
    person_id: UUID,
    key_version: int,
    seed: Seed,
    kind: UnlockKind,
    parameters: str,
    wrapping_key: WrappingKey,
) -> Unlock:
    """Add a wrapped seed and read it back; raises CannotOpen where what was written does not open."""
    unlock = Unlock(
        id=at.new_id(),
        person_id=person_id,
        key_version=key_version,
        kind=kind,
        parameters=parameters,
        wrapped_seed=b"",
        created_at=at.now(),
    )
    unlock.wrapped_seed = wrap_person_seed(wrapping_key, seed, context=_context(at, unlock))
    if open_unlock(at, unlock, wrapping_key) != seed:
        raise CannotOpen(OpeningFailure.GRANT_UNREADABLE, Helper.ADMINISTRATOR)
    session.add(unlock)
    session.flush()
    return unlock


def open_unlock(at: Installation, unlock: Unlock, wrapping_key: WrappingKey) -> Seed:
    """Unwrap a person's seed; raises CannotOpen where key, row or parameters are not those it was wrapped with."""
    try:
        return unwrap_person_seed(wrapping_key, unlock.wrapped_seed, context=_context(at, unlock))
    except CryptoError:
        unreadable = CannotOpen(OpeningFailure.GRANT_UNREADABLE, Helper.ADMINISTRATOR)
        raise unreadable.of_account(unlock.person_id) from None


def open_with_password(session: Session, at: Installation, person: Person, keys: PasswordKeys) -> tuple[int, Seed]:
    """Unwrap the seed of the person's present key with a password that was found right; returns version and seed.

    Raises CannotOpen where the row is missing or damaged, or the seed is not that of the authentic public key.
    """
    row = session.scalar(
        select(Unlock)
        .where(Unlock.person_id == person.id, Unlock.kind == UnlockKind.PASSWORD)
        .order_by(Unlock.created_at.desc())
        .limit(1)
    )
    if row is None:
        raise CannotOpen(OpeningFailure.GRANT_UNREADABLE, Helper.ADMINISTRATOR).of_account(person.id)
    seed = open_unlock(at, row, keys.wrapping_key)
    check_is_current(session, at, person.id, seed, row.key_version)
    return row.key_version, seed


def check_is_current(session: Session, at: Installation, person_id: UUID, seed: Seed, version: int) -> None:
    """Raise CannotOpen unless the seed is that of the person's present, authentic key."""
    current = find_person_key(session, person_id)
    try:
        public = None if current is None or current.version != version else authentic_person_key(at, current)
    except CannotOpen:
        public = None
    if public != PersonKey.from_seed(seed).public:
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC).of_account(person_id)


def _context(at: Installation, unlock: Unlock) -> bytes:
    return formats.unlock_context(
        deployment=at.deployment,
        person=unlock.person_id,
        key_version=unlock.key_version,
        unlock_kind=formats.UnlockKind[unlock.kind.name],
        unlock=unlock.id,
        kdf_parameters=unlock.parameters,
    )
