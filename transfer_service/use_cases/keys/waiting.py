"""What waits for somebody who can unlock: a first key, a new one after a leaver, an escrow grant after a new ceremony.

Nobody has to remember any of it: the pages ask after each sign-in and do what is due.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Membership, School
from transfer_service.db.models import PersonKey as PersonKeyRow
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import recovery as recovery_queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import KeyState
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epochs import make_first_epoch, renew_epoch
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import authentic_epoch
from transfer_service.use_cases.keys.recovery_keys import get_recovery_key
from transfer_service.use_cases.keys.rotation import KEPT_AFTER_RETIRING, destroy_empty_epochs
from transfer_service.use_cases.keys.writing_grants import grant_to_recovery
from transfer_service.use_cases.recording import record_all


class WaitingAct(StrEnum):
    """What a key holder's next unlock completes."""

    FIRST_EPOCH = "first_epoch"
    NEXT_EPOCH = "next_epoch"
    ESCROW = "escrow"
    DESTRUCTION = "destruction"
    """An epoch was retired a day ago and seals nothing any more."""


def list_waiting_acts(session: Session, at: Installation, actor: Actor) -> tuple[WaitingAct, ...]:
    """Tell what the actor could complete now; cheap, for a page to ask before it takes a writing transaction."""
    school_id = actor.organisation_id
    if school_id is None or not actor.effective_roles & KEY_HOLDING_ROLES:
        return ()
    active = key_queries.find_active_epoch_row(session, school_id)
    if active is None:
        return (WaitingAct.FIRST_EPOCH,) if _is_approved(session, actor, school_id) else ()
    if not actor.holds_keys:
        return ()
    waiting = []
    since = (
        key_queries.find_last_key_leaver(session, school_id),
        recovery_queries.find_last_recovery(session, school_id),
    )
    if any(moment is not None and moment > active.created_at for moment in since):
        waiting.append(WaitingAct.NEXT_EPOCH)
    if _lacks_escrow(session, at, school_id):
        waiting.append(WaitingAct.ESCROW)
    if key_queries.list_empty_epochs(session, school_id, retired_before=at.now() - KEPT_AFTER_RETIRING):
        waiting.append(WaitingAct.DESTRUCTION)
    return tuple(waiting)


def complete_waiting_acts(
    session: Session, at: Installation, actor: Actor, *, person_key: PersonKey
) -> tuple[WaitingAct, ...]:
    """Do what waits for the actor's school, and return what was done; doing it twice does nothing the second time.

    Raises RuleForbids where the authority has no recovery key, KeyMissing or CannotOpen where a grant is damaged.
    """
    school_id = actor.organisation_id
    if school_id is None or not actor.effective_roles & KEY_HOLDING_ROLES:
        return ()
    lock_school(session, school_id)
    permissions.check(actor, Permission.KEYS_GRANT)
    waiting = list_waiting_acts(session, at, actor)
    for act in waiting:
        if act is WaitingAct.FIRST_EPOCH:
            make_first_epoch(session, at, actor, person_key=person_key)
        elif act is WaitingAct.NEXT_EPOCH:
            school_keys = open_school_keys(session, at, actor, person_key)
            _, leaves = renew_epoch(session, at, actor, school_keys=school_keys, basis=Basis.LEAVER)
            record_all(session, at, leaves)
        elif act is WaitingAct.DESTRUCTION:
            destroy_empty_epochs(session, at, actor)
        else:
            _escrow_again(session, at, actor, person_key=person_key)
    return waiting


def _is_approved(session: Session, actor: Actor, school_id: UUID) -> bool:
    found = session.scalar(
        select(Membership.id)
        .join(PersonKeyRow, PersonKeyRow.person_id == Membership.person_id)
        .where(
            Membership.person_id == actor.person_id,
            Membership.school_id == school_id,
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.state == MembershipState.ACTIVE,
            PersonKeyRow.state == KeyState.ACTIVE,
            Membership.approved_at >= PersonKeyRow.created_at,
        )
    )
    return found is not None


def _lacks_escrow(session: Session, at: Installation, school_id: UUID) -> bool:
    school = session.get_one(School, school_id)
    try:
        recovery = get_recovery_key(session, at, school.authority_id)
    except RuleForbids:
        # Nothing to escrow to until the administrator has put it right; the doctor says so.
        return False
    return bool(key_queries.list_epochs_without_escrow(session, school_id, recovery.id))


def _escrow_again(session: Session, at: Installation, actor: Actor, *, person_key: PersonKey) -> None:
    """Seal to the authority's present recovery key every epoch that is not, as far as the actor can open it."""
    school_keys = open_school_keys(session, at, actor, person_key)
    school = session.get_one(School, school_keys.school_id)
    recovery = get_recovery_key(session, at, school.authority_id)
    record_all(
        session,
        at,
        [
            grant_to_recovery(
                session,
                at,
                actor,
                epoch=authentic_epoch(at, row),
                seed=school_keys.seeds[row.number],
                recovery=recovery,
            )
            for row in key_queries.list_epochs_without_escrow(session, school.id, recovery.id)
            if row.number in school_keys.seeds
        ],
    )
