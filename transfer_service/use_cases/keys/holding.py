"""The keys that a school holds: unwrapping them for one person, and the public halves that others seal to.

Every public half is checked against its row's authentication before it is used (docs/keys.md, rule 2): whoever can
write the database still cannot put a key of their own in place of a school's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from transfer_service.crypto import errors as crypto_errors
from transfer_service.crypto import formats
from transfer_service.crypto.suites import EpochKey, PersonKey, PublicKey
from transfer_service.crypto.values import Fingerprint, Seed
from transfer_service.db.models import KeyGrant, SchoolEpoch
from transfer_service.db.models import PersonKey as PersonKeyRow
from transfer_service.db.queries.keys import find_active_epoch_row
from transfer_service.domain.errors import CannotOpen, Helper, KeyMissing, OpeningFailure
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.logged_epochs import is_as_logged

GRANTEE_NUMBERS: Mapping[GranteeKind, formats.GranteeKind] = MappingProxyType(
    {kind: formats.GranteeKind[kind.name] for kind in GranteeKind}
)
"""The number that is bound into a grant for each kind of grantee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEpoch:
    """The public halves of one epoch of a school's key, found authentic."""

    id: UUID
    school_id: UUID
    number: int
    public: PublicKey
    state: KeyState


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolKeys:
    """A school's private keys by epoch number, for as long as one request of a person who was granted them."""

    school_id: UUID
    epochs: Mapping[int, EpochKey] = field(repr=False)
    seeds: Mapping[int, Seed] = field(repr=False)
    """What the epochs grew from: needed for nothing but granting them on."""
    active_number: int | None
    unreadable: frozenset[int] = frozenset()
    """Epochs whose grant to this person is damaged."""
    destroyed: frozenset[int] = frozenset()
    """Epochs that exist no more: what was sealed to them alone opens for nobody."""

    @property
    def active(self) -> tuple[int, EpochKey]:
        """The number and the key of the epoch that seals and signs now; raises KeyMissing or CannotOpen."""
        if self.active_number is None:
            raise KeyMissing
        return self.active_number, self.get_epoch(self.active_number)

    def get_epoch(self, number: int) -> EpochKey:
        """The key of one epoch; raises CannotOpen where it was destroyed, not granted, or the grant is damaged."""
        if number in self.destroyed:
            raise CannotOpen(OpeningFailure.KEY_DESTROYED)
        if number in self.unreadable:
            raise CannotOpen(OpeningFailure.GRANT_UNREADABLE, Helper.COLLEAGUE)
        try:
            return self.epochs[number]
        except KeyError:
            raise CannotOpen(OpeningFailure.NO_GRANT, Helper.COLLEAGUE) from None


def open_school_keys(session: Session, at: Installation, actor: Actor, person_key: PersonKey) -> SchoolKeys:
    """Unwrap all undestroyed epochs of the actor's school that were granted to this person's key.

    One damaged grant takes nothing but its own epoch away. Raises KeyMissing where there is no grant at all, or the
    actor acts in no role that holds keys.
    """
    school_id = actor.organisation_id
    if school_id is None or not actor.effective_roles & KEY_HOLDING_ROLES:
        raise KeyMissing
    rows: Sequence[tuple[KeyGrant | None, SchoolEpoch]] = session.execute(
        select(KeyGrant, SchoolEpoch)
        .select_from(SchoolEpoch)
        .outerjoin(
            KeyGrant,
            and_(
                KeyGrant.school_epoch_id == SchoolEpoch.id,
                KeyGrant.grantee_kind == GranteeKind.PERSON,
                KeyGrant.grantee_id == actor.person_id,
                KeyGrant.grantee_fingerprint == person_key.fingerprint.digest,
                SchoolEpoch.state != KeyState.DESTROYED,
            ),
        )
        .where(SchoolEpoch.school_id == school_id)
        .order_by(SchoolEpoch.number)
    ).all()
    granted = [(grant, epoch) for grant, epoch in rows if grant is not None]
    if not granted:
        raise KeyMissing
    opened: dict[int, tuple[Seed, EpochKey]] = {}
    for grant, epoch in granted:
        pair = _open_grant(at, grant, epoch, person_key)
        if pair is not None:
            opened[epoch.number] = pair
    return SchoolKeys(
        school_id=school_id,
        epochs=MappingProxyType({number: key for number, (_, key) in opened.items()}),
        seeds=MappingProxyType({number: seed for number, (seed, _) in opened.items()}),
        active_number=next((epoch.number for _, epoch in granted if epoch.state is KeyState.ACTIVE), None),
        unreadable=frozenset(epoch.number for _, epoch in granted if epoch.number not in opened),
        destroyed=frozenset(epoch.number for _, epoch in rows if epoch.state is KeyState.DESTROYED),
    )


def check_own_keys(actor: Actor, school_keys: SchoolKeys) -> None:
    """Raise KeyMissing where the keys are not those of the school that the actor acts for."""
    if actor.organisation_id is None or school_keys.school_id != actor.organisation_id:
        raise KeyMissing


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


def get_own_epoch(session: Session, at: Installation, keys: SchoolKeys) -> PublicEpoch:
    """Return the public halves of the epoch that the holder's school seals to now; raises KeyMissing, CannotOpen."""
    number, _ = keys.active
    found = find_active_epoch(session, at, keys.school_id)
    if found is None or found.number != number:
        raise KeyMissing
    return found


def authentic_epoch(at: Installation, row: SchoolEpoch) -> PublicEpoch:
    """Check one row of a school's key; raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC)."""
    public = _checked(
        at,
        row.mac,
        suite=row.suite,
        kem_public=row.kem_public,
        signing_public=row.signing_public,
        fingerprint=row.fingerprint,
        kind=formats.KeyKind.EPOCH,
        owner=row.school_id,
        number=row.number,
        state=row.state,
    )
    return PublicEpoch(id=row.id, school_id=row.school_id, number=row.number, public=public, state=row.state)


def authentic_person_key(at: Installation, row: PersonKeyRow) -> PublicKey:
    """Check one row of a person's key; raises CannotOpen(PUBLIC_KEY_NOT_AUTHENTIC)."""
    return _checked(
        at,
        row.mac,
        suite=row.suite,
        kem_public=row.kem_public,
        signing_public=b"",
        fingerprint=row.fingerprint,
        kind=formats.KeyKind.PERSON,
        owner=row.person_id,
        number=row.version,
        state=row.state,
    )


def find_person_key(session: Session, person_id: UUID) -> PersonKeyRow | None:
    """Return the row of the person's key that is in use, not yet checked."""
    return session.scalar(
        select(PersonKeyRow).where(PersonKeyRow.person_id == person_id, PersonKeyRow.state == KeyState.ACTIVE)
    )


def check_public_row(
    at: Installation,
    mac: bytes,
    *,
    suite: int,
    kem_public: bytes,
    fingerprint: bytes,
    kind: formats.KeyKind,
    owner: UUID,
    number: int,
    state: KeyState,
) -> PublicKey:
    """Check a public key that cannot sign, such as an authority's recovery key; raises CannotOpen."""
    return _checked(
        at,
        mac,
        suite=suite,
        kem_public=kem_public,
        signing_public=b"",
        fingerprint=fingerprint,
        kind=kind,
        owner=owner,
        number=number,
        state=state,
    )


def key_grant_info(
    at: Installation,
    *,
    suite: int,
    school_id: UUID,
    epoch: int,
    epoch_fingerprint: Fingerprint,
    grantee_kind: GranteeKind,
    grantee_id: UUID,
    grantee_version: int,
    grantee_fingerprint: Fingerprint,
) -> bytes:
    """Return what the grant of a school's epoch is bound to, in the words of the rows."""
    return formats.key_grant_info(
        suite=suite,
        deployment=at.deployment,
        org=school_id,
        epoch=epoch,
        epoch_fingerprint=epoch_fingerprint,
        grantee_kind=GRANTEE_NUMBERS[grantee_kind],
        grantee=grantee_id,
        grantee_version=grantee_version,
        grantee_fingerprint=grantee_fingerprint,
    )


def _open_grant(
    at: Installation, grant: KeyGrant, epoch: SchoolEpoch, person_key: PersonKey
) -> tuple[Seed, EpochKey] | None:
    """Unwrap one epoch; None where the grant is damaged or leads to another key than the school's."""
    public = authentic_epoch(at, epoch).public
    info = key_grant_info(
        at,
        suite=grant.suite,
        school_id=epoch.school_id,
        epoch=epoch.number,
        epoch_fingerprint=public.fingerprint,
        grantee_kind=GranteeKind.PERSON,
        grantee_id=grant.grantee_id,
        grantee_version=grant.grantee_version,
        grantee_fingerprint=person_key.fingerprint,
    )
    try:
        seed = person_key.open_seed(grant.sealed, info=info)
    except crypto_errors.CryptoError:
        return None
    key = EpochKey.from_seed(seed)
    return (seed, key) if key.public == public else None


def _checked(
    at: Installation,
    mac: bytes,
    *,
    suite: int,
    kem_public: bytes,
    signing_public: bytes,
    fingerprint: bytes,
    kind: formats.KeyKind,
    owner: UUID,
    number: int,
    state: KeyState,
) -> PublicKey:
    try:
        public = PublicKey(suite, kem_public, signing_public)
    except crypto_errors.CryptoError:
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC) from None
    authentic = at.field_keys.is_authentic_public_key(
        mac, public, kind=kind, owner=owner, epoch=number, state=state.value
    )
    if not authentic or public.fingerprint.digest != fingerprint:
        raise CannotOpen(OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC)
    return public
