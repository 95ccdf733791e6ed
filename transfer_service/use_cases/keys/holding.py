"""The keys that a school holds, unwrapped for one person and for no longer than a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from transfer_service.crypto import errors as crypto_errors
from transfer_service.crypto import formats
from transfer_service.crypto.suites import EpochKey, PersonKey
from transfer_service.crypto.values import Fingerprint, Seed
from transfer_service.db.models import KeyGrant, SchoolEpoch
from transfer_service.domain.errors import CannotOpen, Helper, KeyMissing, OpeningFailure
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import (
    PublicEpoch,
    authentic_epoch,
    find_active_epoch,
)

GRANTEE_NUMBERS: Mapping[GranteeKind, formats.GranteeKind] = MappingProxyType(
    {kind: formats.GranteeKind[kind.name] for kind in GranteeKind}
)
"""The number that is bound into a grant for each kind of grantee."""


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


def get_own_epoch(session: Session, at: Installation, keys: SchoolKeys) -> PublicEpoch:
    """Return the public halves of the epoch that the holder's school seals to now; raises KeyMissing, CannotOpen."""
    number, _ = keys.active
    found = find_active_epoch(session, at, keys.school_id)
    if found is None or found.number != number:
        raise KeyMissing
    return found


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
