"""What was taken of keys after the backup is taken again: revocations, exposed and destroyed epochs, the custodians'.

Nothing here takes away the last way to open a file: what was sealed anew after the backup is lost, so that the old key
has to open it until the school has made its next one.
"""

from __future__ import annotations

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, aliased

from transfer_service.crypto import formats
from transfer_service.db.models import (
    Custodian,
    ItemGrant,
    KeyGrant,
    Membership,
    RecoveryKey,
    RecoveryRequest,
    SchoolEpoch,
)
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import recovery as recovery_queries
from transfer_service.domain.custodians import OPEN_STATES, RecoveryState
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState
from transfer_service.use_cases.backups.logged_acts import LoggedAct
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import authentic_epoch


def revoke_key(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Delete all that a person was granted of a school's key, whatever epoch the leaf is of.

    A revocation always takes all. What an epoch that was destroyed in between had given has no leaf of its own.
    """
    del at
    said = act.leaf.said
    if said.subject is None or said.org is None:
        return False
    grants = key_queries.list_grants_to_person(session, said.subject, said.org)
    for grant, _ in grants:
        session.delete(grant)
    return bool(grants)


def retire_exposed(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let nothing more be sealed to a school's key that somebody may know.

    Every epoch of the backup's time is meant: who knew a later one may know what it grew from. An ordinary renewal is
    not done again, because the new epoch is lost: the school is asked for another, and uses the old one until then.
    """
    said = act.leaf.said
    if said.basis != Basis.SUSPECTED_EXPOSURE or said.org is None:
        return False
    row = key_queries.find_active_epoch_row(session, said.org)
    if row is None or not set_epoch_state(at, row, KeyState.RETIRED):
        return False
    row.retired_at = act.leaf.at
    return True


def end_approval(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a key holder wait for approval again, as everybody does at a school whose key may be known."""
    del at
    said = act.leaf.said
    membership = session.get(Membership, said.subject) if said.basis == Basis.SUSPECTED_EXPOSURE else None
    if membership is None or membership.role not in KEY_HOLDING_ROLES:
        return False
    if membership.state is not MembershipState.ACTIVE:
        return False
    membership.state, membership.approved_at, membership.approved_by = MembershipState.AWAITING_APPROVAL, None, None
    return True


def destroy_epoch(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Destroy an epoch again where nothing in the backup still needs it.

    What the backup has sealed to a later epoch too loses its grant to this one. Where something has not, its newer
    grant is lost: the epoch stays retired, and the next renewal of the school's key destroys it.
    """
    said = act.leaf.said
    row = session.get(SchoolEpoch, said.subject)
    if row is None or row.state is KeyState.DESTROYED:
        return False
    has_taken = _drop_superseded_grants(session, row)
    if row.state is not KeyState.RETIRED or _seals_something(session, row):
        return has_taken
    if not set_epoch_state(at, row, KeyState.DESTROYED):
        return has_taken
    session.execute(delete(KeyGrant).where(KeyGrant.school_epoch_id == row.id))
    row.destroyed_at = act.leaf.at
    return True


def drop_former_escrow(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Delete what is sealed to former recovery keys, after a drill in which everything opened with the new one."""
    facts = act.facts(at)
    key = session.get(RecoveryKey, act.leaf.said.subject)
    if key is None or facts.get("failed") != 0:
        return False
    epochs = [epoch.id for _, epoch in recovery_queries.list_escrow_grants(session, key.id)]
    former = recovery_queries.list_grants_to_former_keys(session, key.authority_id, epochs)
    for grant in former:
        session.delete(grant)
    return bool(former)


def refuse_recovery(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a request that was refused stay refused: nothing that the custodians sealed for it is taken in."""
    del at
    request = session.get(RecoveryRequest, act.leaf.said.subject)
    if request is None or request.state not in OPEN_STATES:
        return False
    request.state = RecoveryState.REFUSED
    return True


def end_custodian(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let somebody who gave a share back be named as its keeper no more."""
    del at
    row = session.get(Custodian, act.leaf.said.subject)
    if row is None or row.ended_at is not None:
        return False
    row.ended_at, row.ended_by = act.leaf.at, act.leaf.said.actor
    return True


def set_epoch_state(at: Installation, row: SchoolEpoch, state: KeyState) -> bool:
    """Give an epoch a state, authenticated anew; a row that was not authentic stays, and nobody seals to it."""
    try:
        public = authentic_epoch(at, row).public
    except CannotOpen:
        return False
    row.state = state
    row.mac = at.field_keys.authenticate_public_key(
        public, kind=formats.KeyKind.EPOCH, owner=row.school_id, epoch=row.number, state=state.value
    )
    return True


def _drop_superseded_grants(session: Session, row: SchoolEpoch) -> bool:
    newer, later = aliased(ItemGrant), aliased(SchoolEpoch)
    superseded = exists().where(
        newer.item_id == ItemGrant.item_id,
        newer.dispatch_id == ItemGrant.dispatch_id,
        newer.recipient_id == row.school_id,
        newer.epoch > row.number,
        later.school_id == row.school_id,
        later.number == newer.epoch,
        later.state != KeyState.DESTROYED,
        exists().where(KeyGrant.school_epoch_id == later.id, KeyGrant.grantee_kind == GranteeKind.RECOVERY),
    )
    going = delete(ItemGrant).where(ItemGrant.recipient_id == row.school_id, ItemGrant.epoch == row.number, superseded)
    return bool(session.scalars(going.returning(ItemGrant.id)).all())


def _seals_something(session: Session, row: SchoolEpoch) -> bool:
    sealed = select(ItemGrant.id).where(ItemGrant.recipient_id == row.school_id, ItemGrant.epoch == row.number)
    return session.scalar(sealed.limit(1)) is not None
