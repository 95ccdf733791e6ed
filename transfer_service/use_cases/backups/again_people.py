"""What was taken from people after the backup is taken again: roles, links, passwords, codes; and mails stay sent.

Where an act both gave and took, such as a new password, only the taking is done: the old password opens nothing any
more, and its owner asks for a reset link.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Alert, BackupCodeHash, Invitation, Membership, Person, Unlock
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.alerts import AlertState
from transfer_service.domain.events import Event
from transfer_service.domain.keys import UnlockKind
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState
from transfer_service.use_cases.backups.logged_acts import LoggedAct
from transfer_service.use_cases.installation import Installation

NO_PASSWORD: Final = bytes(32)
"""A verifier that no password has: it is compared with a SHA-256. The account stays, so that a reset link is sent."""


_FINISHED_AS: Final[Mapping[str, AlertState]] = MappingProxyType(
    {
        Event.ALERT_SENT.value: AlertState.SENT,
        Event.ALERT_ABANDONED.value: AlertState.GIVEN_UP,
        Event.ALERT_WITHDRAWN.value: AlertState.WITHDRAWN,
    }
)


def end_membership(session: Session, at: Installation, act: LoggedAct) -> bool:
    """End or suspend a role again; a key holder's grants go too, unless another role at the school holds them."""
    del at
    leaf = act.leaf
    membership = session.get(Membership, leaf.said.subject)
    if membership is None or membership.state is MembershipState.ENDED:
        return False
    session.execute(delete(Invitation).where(Invitation.membership_id == membership.id))
    if leaf.said.event == Event.MEMBERSHIP_SUSPENDED:
        membership.state = MembershipState.SUSPENDED
    else:
        membership.state = MembershipState.ENDED
        membership.ended_at, membership.ended_by = leaf.at, leaf.said.actor
    _take_grants_of_former_holder(session, membership)
    return True


def use_invitation_up(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a link that was used, or replaced by a newer one, work no more: the person is invited again."""
    del at
    gone = delete(Invitation).where(Invitation.membership_id == act.leaf.said.subject, Invitation.accepted_at.is_(None))
    return _deleted(session, gone.returning(Invitation.id))


def forget_password(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let the password of the backup's time open nothing: it was changed since, perhaps because it was known."""
    del at
    return _forget_password(session, act.leaf.said.subject)


def forget_key(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a person's replaced key be opened by nothing that the person had; key holders wait for approval again."""
    del at
    person_id = act.leaf.said.subject
    memberships = session.scalars(
        select(Membership).where(
            Membership.person_id == person_id,
            Membership.school_id.is_not(None),
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.state == MembershipState.ACTIVE,
        )
    )
    for membership in memberships:
        membership.state = MembershipState.AWAITING_APPROVAL
    has_forgotten = _forget_password(session, person_id)
    return _deleted(session, delete(Unlock).where(Unlock.person_id == person_id).returning(Unlock.id)) or has_forgotten


def forget_second_factor(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let the old authenticator app serve no more; without the mailed link no other can be set up in its place.

    The same where the first one was set up after the backup: the password alone must not be enough for another.
    """
    del at
    person = session.get(Person, act.leaf.said.subject)
    if person is None or not _forget_password(session, person.id):
        return False
    person.totp_seed, person.totp_last_step = None, None
    return True


def use_code(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a recovery code that was used serve no more."""
    del at
    unlock = session.get(Unlock, act.leaf.said.subject)
    if unlock is None or unlock.used_at is not None:
        return False
    unlock.used_at = act.leaf.at
    return True


def replace_code(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a code that a newer one replaced serve no more.

    The newer one is good where the backup has it; otherwise it is lost, and another must be made.
    """
    del at
    leaf = act.leaf
    newer = session.get(Unlock, leaf.said.subject)
    is_confirmed_now = newer is not None and newer.confirmed_at is None
    if newer is not None and is_confirmed_now:
        newer.confirmed_at = leaf.at
    old = delete(Unlock).where(
        Unlock.person_id == leaf.said.actor,
        Unlock.kind == UnlockKind.RECOVERY_CODE,
        Unlock.id != leaf.said.subject,
    )
    return _deleted(session, old.returning(Unlock.id)) or is_confirmed_now


def use_backup_code(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a backup code that was used serve no more."""
    del at
    code = session.get(BackupCodeHash, act.leaf.said.subject)
    if code is None or code.used_at is not None:
        return False
    code.hash, code.used_at = None, act.leaf.at
    return True


def end_backup_codes(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a person's backup codes serve no more: they were ended, or new ones came in their place, which are lost."""
    del at
    gone = delete(BackupCodeHash).where(BackupCodeHash.person_id == act.leaf.said.subject)
    return _deleted(session, gone.returning(BackupCodeHash.id))


def finish_alert(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Send no mail twice, and none that was given up or withdrawn; the link in it goes."""
    del at
    leaf = act.leaf
    alert = session.get(Alert, leaf.said.subject)
    if alert is None or alert.state is not AlertState.PENDING:
        return False
    alert.state = _FINISHED_AS[leaf.said.event]
    alert.finished_at, alert.secret = leaf.at, None
    return True


def _forget_password(session: Session, person_id: UUID | None) -> bool:
    person = session.get(Person, person_id)
    if person is None or person.password_verifier is None:
        return False
    person.password_verifier = NO_PASSWORD
    session.execute(delete(Unlock).where(Unlock.person_id == person.id, Unlock.kind == UnlockKind.PASSWORD))
    return True


def _take_grants_of_former_holder(session: Session, membership: Membership) -> None:
    """Take what an ended or suspended role held of the school's key, unless the person has another such role there."""
    if membership.school_id is None or membership.role not in KEY_HOLDING_ROLES:
        return
    session.flush()
    other = select(Membership.id).where(
        Membership.person_id == membership.person_id,
        Membership.school_id == membership.school_id,
        Membership.id != membership.id,
        Membership.role.in_(KEY_HOLDING_ROLES),
        Membership.state == MembershipState.ACTIVE,
    )
    if session.scalar(other.limit(1)) is not None:
        return
    for grant, _ in key_queries.list_grants_to_person(session, membership.person_id, membership.school_id):
        session.delete(grant)


def _deleted(session: Session, statement: object) -> bool:
    return bool(session.scalars(statement).all())  # type: ignore[call-overload]
