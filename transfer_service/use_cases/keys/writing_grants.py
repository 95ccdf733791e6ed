"""Rows of grants, and the leaves that say that they were made or taken away.

Nothing here decides who may: that is for the use cases that call it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PublicKey, seal_to
from transfer_service.crypto.values import Seed
from transfer_service.db.models import KeyGrant, PersonKey
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import GranteeKind
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.dead_epochs import return_to_waiting
from transfer_service.use_cases.keys.epoch_rows import retire_epoch
from transfer_service.use_cases.keys.holding import key_grant_info
from transfer_service.use_cases.keys.leaves import epoch_leaf
from transfer_service.use_cases.keys.public_keys import PublicEpoch, authentic_person_key
from transfer_service.use_cases.keys.recovery_keys import PublicRecoveryKey
from transfer_service.use_cases.recording import entry


def grant_to_person(
    session: Session, at: Installation, actor: Actor, *, epoch: PublicEpoch, seed: Seed, holder: PersonKey, basis: Basis
) -> Entry:
    """Seal an epoch's seed to the key that a person has now; raises CannotOpen where that key is not authentic."""
    _add_grant(
        session,
        at,
        actor,
        epoch=epoch,
        seed=seed,
        kind=GranteeKind.PERSON,
        grantee_id=holder.person_id,
        version=holder.version,
        public=authentic_person_key(at, holder),
    )
    return epoch_leaf(actor, Event.KEY_GRANTED, epoch, subject=holder.person_id, basis=basis)


def grant_to_recovery(
    session: Session, at: Installation, actor: Actor, *, epoch: PublicEpoch, seed: Seed, recovery: PublicRecoveryKey
) -> Entry:
    """Seal an epoch's seed to the authority's recovery key: the escrow grant."""
    _add_grant(
        session,
        at,
        actor,
        epoch=epoch,
        seed=seed,
        kind=GranteeKind.RECOVERY,
        grantee_id=recovery.id,
        version=recovery.number,
        public=recovery.public,
    )
    return epoch_leaf(actor, Event.ESCROW_GRANTED, epoch, subject=recovery.id)


def revoke_from_person(
    session: Session, at: Installation, actor: Actor | None, *, person_id: UUID, school_id: UUID, basis: Basis
) -> list[Entry]:
    """Delete all that a person was granted of a school's key, a leaf for each grant.

    Where nobody is left who holds the active epoch, it is retired in the same act: nothing more is sealed to a key
    that nobody can open, and what is sent from now on waits for the next one. Where only an earlier epoch has nobody
    left, what is sealed to that one alone is delivered again to the one in use.
    """
    leaves: list[Entry] = []
    for grant, epoch in key_queries.list_grants_to_person(session, person_id, school_id):
        session.delete(grant)
        leaves.append(
            entry(
                actor,
                Event.KEY_REVOKED,
                org=school_id,
                subject=person_id,
                epoch=epoch.number,
                key=epoch.fingerprint.hex(),
                basis=basis,
            )
        )
    session.flush()
    if leaves and key_queries.count_holders(session, school_id) == 0:
        leaves.extend(retire_epoch(session, at, actor, school_id=school_id, basis=basis))
    elif leaves:
        leaves.extend(return_to_waiting(session, at, actor, school_id=school_id, ask_all=True))
    return leaves


def _add_grant(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    epoch: PublicEpoch,
    seed: Seed,
    kind: GranteeKind,
    grantee_id: UUID,
    version: int,
    public: PublicKey,
) -> None:
    info = key_grant_info(
        at,
        suite=public.suite,
        school_id=epoch.school_id,
        epoch=epoch.number,
        epoch_fingerprint=epoch.public.fingerprint,
        grantee_kind=kind,
        grantee_id=grantee_id,
        grantee_version=version,
        grantee_fingerprint=public.fingerprint,
    )
    session.add(
        KeyGrant(
            id=at.new_id(),
            school_epoch_id=epoch.id,
            grantee_kind=kind,
            grantee_id=grantee_id,
            grantee_version=version,
            grantee_fingerprint=public.fingerprint.digest,
            suite=public.suite,
            sealed=seal_to(public, seed, info=info),
            created_at=at.now(),
            created_by=actor.person_id,
        )
    )
