"""Doing again, from leaves alone, whatever took something away after the backup: nothing deleted comes back.

Only deletions and revocations are replayed. What was made or sent after the backup cannot be made again from leaves;
it is listed as lost (`lost_acts`). Where an act both gave and took, such as a new password, only the taking is done:
the old password opens nothing any more and its owner asks for a reset link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import decode_detail
from transfer_service.audit.errors import LogError
from transfer_service.audit.leaf import Leaf
from transfer_service.audit.log import open_detail
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import (
    Alert,
    Dispatch,
    DispatchItem,
    Invitation,
    Item,
    ItemGrant,
    KeyGrant,
    LogDetail,
    Membership,
    Person,
    SchoolEpoch,
    Transfer,
    Unlock,
)
from transfer_service.domain.events import Event
from transfer_service.domain.keys import AlertState, GranteeKind, UnlockKind
from transfer_service.domain.roles import MembershipState
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import open_detail as open_sealed_detail
from transfer_service.use_cases.retention import erase_contents
from transfer_service.use_cases.transfers.returning import revoke_receiver

NO_PASSWORD: Final = bytes(32)
"""A verifier that no password has: it is compared with a SHA-256. The account stays, so that a reset link is sent."""


@dataclass(slots=True)
class Replayed:
    """What was done again, and the schools whose keys were touched."""

    counts: dict[str, int] = field(default_factory=dict)
    schools: set[UUID] = field(default_factory=set)


def replay_deletions(session: Session, at: Installation, leaves: Iterable[Leaf]) -> Replayed:
    """Take away again, in the log's order, what these leaves say was taken away; safe to do twice."""
    replayed = Replayed()
    for leaf in leaves:
        take = _TAKES.get(leaf.said.event)
        if take is not None and take(session, leaf):
            event = str(leaf.said.event)
            replayed.counts[event] = replayed.counts.get(event, 0) + 1
            if event == Event.DISPATCH_REJECTED:
                session.get_one(Dispatch, leaf.said.dispatch).rejection_reason = _reason(session, at, leaf)
            session.flush()
        if leaf.said.event in _OF_SCHOOL_KEYS and leaf.said.org is not None:
            replayed.schools.add(leaf.said.org)
        if leaf.said.erases is not None:
            session.execute(delete(LogDetail).where(LogDetail.idx == leaf.said.erases))
    return replayed


def _shred(session: Session, leaf: Leaf) -> bool:
    """Erase what a dispatch carried; an item that a live dispatch carries too stays for that one."""
    dispatch = session.get(Dispatch, leaf.said.dispatch)
    if dispatch is None or dispatch.shredded_at is not None:
        return False
    erase_contents(session, dispatch, leaf.at)
    return True


def _end_dispatch(session: Session, leaf: Leaf) -> bool:
    """Take the receiver's grants of what was withdrawn or sent back."""
    dispatch = session.get(Dispatch, leaf.said.dispatch)
    if dispatch is None or dispatch.status in (Status.WITHDRAWN, Status.REJECTED):
        return False
    if leaf.said.event == Event.DISPATCH_WITHDRAWN:
        dispatch.status, dispatch.withdrawn_at = Status.WITHDRAWN, leaf.at
    else:
        dispatch.status, dispatch.rejected_at, dispatch.rejected_by = Status.REJECTED, leaf.at, leaf.said.actor
    revoke_receiver(session, dispatch)
    return True


def _remove_item(session: Session, leaf: Leaf) -> bool:
    """Delete an item that was taken out of a draft; one that was sent is never removed."""
    item_id = leaf.said.item
    session.execute(delete(ItemGrant).where(ItemGrant.item_id == item_id))
    session.execute(delete(DispatchItem).where(DispatchItem.item_id == item_id))
    return _deleted(session, delete(Item).where(Item.id == item_id).returning(Item.id))


def _discard(session: Session, leaf: Leaf) -> bool:
    """Delete a draft that was discarded, with its items, and its transfer where nothing else is on it."""
    dispatch = session.get(Dispatch, leaf.said.dispatch)
    if dispatch is None or dispatch.status is not Status.DRAFT:
        return False
    transfer_id, item_ids = dispatch.transfer_id, [place.item_id for place in dispatch.items]
    session.expunge(dispatch)
    session.execute(delete(ItemGrant).where(ItemGrant.item_id.in_(item_ids)))
    session.execute(delete(DispatchItem).where(DispatchItem.dispatch_id == leaf.said.dispatch))
    session.execute(delete(Item).where(Item.id.in_(item_ids)))
    session.execute(delete(Dispatch).where(Dispatch.id == leaf.said.dispatch))
    if session.scalar(select(Dispatch.id).where(Dispatch.transfer_id == transfer_id).limit(1)) is None:
        session.execute(delete(Transfer).where(Transfer.id == transfer_id))
    return True


def _revoke_key(session: Session, leaf: Leaf) -> bool:
    epochs = select(SchoolEpoch.id).where(SchoolEpoch.school_id == leaf.said.org, SchoolEpoch.number == leaf.said.epoch)
    grant = delete(KeyGrant).where(
        KeyGrant.grantee_kind == GranteeKind.PERSON,
        KeyGrant.grantee_id == leaf.said.subject,
        KeyGrant.school_epoch_id.in_(epochs),
    )
    return _deleted(session, grant.returning(KeyGrant.id))


def _end_membership(session: Session, leaf: Leaf) -> bool:
    membership = session.get(Membership, leaf.said.subject)
    if membership is None or membership.state is MembershipState.ENDED:
        return False
    session.execute(delete(Invitation).where(Invitation.membership_id == membership.id))
    if leaf.said.event == Event.MEMBERSHIP_SUSPENDED:
        membership.state = MembershipState.SUSPENDED
    else:
        membership.state = MembershipState.ENDED
        membership.ended_at, membership.ended_by = leaf.at, leaf.said.actor
    return True


def _forget_password(session: Session, leaf: Leaf) -> bool:
    """Let the password of the backup's time open nothing: it was changed since, perhaps because it was known."""
    person = session.get(Person, leaf.said.subject)
    if person is None or person.password_verifier is None:
        return False
    person.password_verifier = NO_PASSWORD
    session.execute(delete(Unlock).where(Unlock.person_id == person.id, Unlock.kind == UnlockKind.PASSWORD))
    return True


def _forget_key(session: Session, leaf: Leaf) -> bool:
    """Let a person's replaced key be opened by nothing that the person had."""
    _forget_password(session, leaf)
    return _deleted(session, delete(Unlock).where(Unlock.person_id == leaf.said.subject).returning(Unlock.id))


def _forget_second_factor(session: Session, leaf: Leaf) -> bool:
    """Let the old authenticator app serve no more; without the mailed link no other can be set up in its place."""
    person = session.get(Person, leaf.said.subject)
    if person is None or person.totp_seed is None:
        return False
    _forget_password(session, leaf)
    person.totp_seed, person.totp_last_step = None, None
    return True


def _use_code(session: Session, leaf: Leaf) -> bool:
    unlock = session.get(Unlock, leaf.said.subject)
    if unlock is None or unlock.used_at is not None:
        return False
    unlock.used_at = leaf.at
    return True


def _replace_code(session: Session, leaf: Leaf) -> bool:
    """Let the code that a newer one replaced serve no more; the newer one is lost, so that another must be made."""
    actor = leaf.said.actor
    if session.get(Unlock, leaf.said.subject) is not None or actor is None:
        return False
    old = delete(Unlock).where(Unlock.person_id == actor, Unlock.kind == UnlockKind.RECOVERY_CODE)
    return _deleted(session, old.returning(Unlock.id))


def _finish_alert(session: Session, leaf: Leaf) -> bool:
    """Send no mail twice."""
    alert = session.get(Alert, leaf.said.subject)
    if alert is None or alert.state is not AlertState.PENDING:
        return False
    alert.state, alert.finished_at, alert.secret = AlertState.SENT, leaf.at, None
    return True


def _reason(session: Session, at: Installation, leaf: Leaf) -> RejectionReason:
    """Return why it was sent back, which stands beside the leaf; another reason where that is lost."""
    try:
        opened = open_detail(session, leaf.idx, open_sealed=lambda idx, sealed: open_sealed_detail(at, idx, sealed))
        return RejectionReason(decode_detail(opened[1]).facts["reason"]) if opened else RejectionReason.OTHER
    except (LogError, CryptoError, KeyError, ValueError):
        return RejectionReason.OTHER


def _deleted(session: Session, statement: object) -> bool:
    return bool(session.scalars(statement).all())  # type: ignore[call-overload]


_TAKES: Final[Mapping[str, Callable[[Session, Leaf], bool]]] = {
    Event.DISPATCH_SHREDDED: _shred,
    Event.DISPATCH_WITHDRAWN: _end_dispatch,
    Event.DISPATCH_REJECTED: _end_dispatch,
    Event.ITEM_REMOVED: _remove_item,
    Event.DISPATCH_DISCARDED: _discard,
    Event.KEY_REVOKED: _revoke_key,
    Event.MEMBERSHIP_ENDED: _end_membership,
    Event.MEMBERSHIP_REFUSED: _end_membership,
    Event.MEMBERSHIP_SUSPENDED: _end_membership,
    Event.INVITATION_WITHDRAWN: _end_membership,
    Event.PASSWORD_CHANGED: _forget_password,
    Event.PASSWORD_RESET: _forget_password,
    Event.PERSON_KEY_REPLACED: _forget_key,
    Event.SECOND_FACTOR_REPLACED: _forget_second_factor,
    Event.RECOVERY_CODE_USED: _use_code,
    Event.RECOVERY_CODE_CONFIRMED: _replace_code,
    Event.ALERT_SENT: _finish_alert,
}
_OF_SCHOOL_KEYS: Final = frozenset({Event.KEY_REVOKED, Event.EPOCH_CREATED, Event.EPOCH_RETIRED, Event.EPOCH_REQUESTED})
