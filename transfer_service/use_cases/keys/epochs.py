"""Making a school's key: the first epoch by its approved DSL, and every later one by a colleague who holds the last.

Every epoch gets its escrow grant in the same transaction (docs/keys.md, rule 3).
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto import formats
from transfer_service.crypto.suites import EpochKey, PersonKey
from transfer_service.crypto.values import Seed
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import KeyMissing, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import SCHOOL_ROLES, Actor, school_of
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.approvals import get_approver
from transfer_service.use_cases.keys.dead_epochs import return_to_waiting
from transfer_service.use_cases.keys.epoch_rows import add_epoch, next_number, retire_epoch
from transfer_service.use_cases.keys.holding import SchoolKeys, check_own_keys
from transfer_service.use_cases.keys.leaves import epoch_leaf
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import (
    PublicEpoch,
    authentic_person_key,
    find_active_epoch,
    find_person_key,
)
from transfer_service.use_cases.keys.recovery_keys import get_recovery_key
from transfer_service.use_cases.keys.writing_grants import grant_to_person, grant_to_recovery
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.recording import record_all


def make_first_epoch(session: Session, at: Installation, actor: Actor, *, person_key: PersonKey) -> PublicEpoch:
    """Make the key of a school that has none that anybody holds, for the DSL whom an officer approved.

    Also the way back for a school that lost its keys: the number goes on, no older epoch signs for the new one.
    Everybody at the school is told, and so are the schools whose files wait for it. Raises RuleForbids where the
    DSL's present key was not approved, a colleague holds the school's key, or the authority has no recovery key.
    """
    school_id = school_of(actor)
    school = lock_school(session, school_id)
    permissions.check(actor, Permission.KEYS_GRANT)
    holder = find_person_key(session, actor.person_id)
    if holder is None or authentic_person_key(at, holder) != person_key.public:
        raise KeyMissing
    if find_active_epoch(session, at, school_id) is not None:
        raise RuleForbids(
            "colleague_grants",
            "Your school has a key already. Ask a safeguarding lead of your school who holds it to grant it to you.",
        )
    approved_by = get_approver(session, school_id, holder)
    recovery = get_recovery_key(session, at, school.authority_id)
    seed = Seed.generate()
    epoch = add_epoch(
        session,
        at,
        actor,
        school_id=school_id,
        number=next_number(session, school_id),
        key=EpochKey.from_seed(seed),
        approved_by=approved_by,
        previous_signature=None,
    )
    leaves = [
        epoch_leaf(actor, Event.EPOCH_CREATED, epoch, basis=Basis.TELEPHONE_CHECK),
        grant_to_person(session, at, actor, epoch=epoch, seed=seed, holder=holder, basis=Basis.TELEPHONE_CHECK),
        grant_to_recovery(session, at, actor, epoch=epoch, seed=seed, recovery=recovery),
    ]
    alert_school(session, at, AlertKind.EPOCH_CREATED, school_id, roles=SCHOOL_ROLES)
    leaves += return_to_waiting(session, at, actor, school_id=school_id)
    _alert_waiting_senders(session, at, school_id)
    record_all(session, at, leaves)
    return epoch


def make_next_epoch(
    session: Session, at: Installation, actor: Actor, *, school_keys: SchoolKeys, basis: Basis = Basis.ROLE
) -> PublicEpoch:
    """Make S.n+1, signed by S.n, for everybody who holds S.n and is still entitled, and for the custodians.

    Raises NeedsPassword where the password was not given within the last minutes.
    """
    school_id = school_of(actor)
    lock_school(session, school_id)
    permissions.check(actor, Permission.KEYS_GRANT)
    check_own_keys(actor, school_keys)
    check_password_is_recent(session, at, actor)
    epoch, leaves = renew_epoch(session, at, actor, school_keys=school_keys, basis=basis)
    record_all(session, at, leaves)
    return epoch


def renew_epoch(
    session: Session, at: Installation, actor: Actor, *, school_keys: SchoolKeys, basis: Basis
) -> tuple[PublicEpoch, list[Entry]]:
    """Do the rows and alerts of a new epoch and return it with its leaves, for the act that it is a part of.

    The caller has locked the school, checked the permission, and records the leaves.
    """
    school_id = school_keys.school_id
    old_number, old_key = school_keys.active
    old = find_active_epoch(session, at, school_id)
    if old is None or old.number != old_number or old.public != old_key.public:
        raise KeyMissing
    school = lock_school(session, school_id)
    recovery = get_recovery_key(session, at, school.authority_id)
    holders = key_queries.list_holder_keys(session, old.id)
    seed = Seed.generate()
    key = EpochKey.from_seed(seed)
    number = next_number(session, school_id)
    succession = formats.epoch_succession(
        deployment=at.deployment, org=school_id, epoch=number, fingerprint=key.fingerprint, previous_epoch=old_number
    )
    retired = retire_epoch(session, at, actor, school_id=school_id, basis=basis)
    epoch = add_epoch(
        session,
        at,
        actor,
        school_id=school_id,
        number=number,
        key=key,
        approved_by=None,
        previous_signature=old_key.sign(succession),
    )
    leaves = [
        epoch_leaf(actor, Event.EPOCH_CREATED, epoch, basis=basis),
        *(grant_to_person(session, at, actor, epoch=epoch, seed=seed, holder=one, basis=basis) for one in holders),
        grant_to_recovery(session, at, actor, epoch=epoch, seed=seed, recovery=recovery),
    ]
    alert_school(session, at, AlertKind.EPOCH_CREATED, school_id)
    _alert_waiting_senders(session, at, school_id)
    return epoch, [*leaves, *retired]


def _alert_waiting_senders(session: Session, at: Installation, school_id: UUID) -> None:
    """Ask the senders of what waits for this school to sign in: their key can deliver it now."""
    for dispatch, sending_school_id in key_queries.list_waiting_dispatches(session, school_id):
        alert_school(session, at, AlertKind.DELIVERY_WANTED, sending_school_id, dispatch=dispatch)
