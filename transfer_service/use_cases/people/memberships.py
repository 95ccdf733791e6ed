"""People leave, are suspended, and come back. Access ends in the same act; nothing here can unlock anything."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.db.models import Invitation, Membership, Person, School
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import people as people_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import NotFound, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState, Role
from transfer_service.use_cases.alerting import alert_authority, alert_person, alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epochs import renew_epoch
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.writing_grants import revoke_from_person
from transfer_service.use_cases.people.asking import ask_for_keys
from transfer_service.use_cases.people.backup_code_rows import end_backup_codes
from transfer_service.use_cases.people.inviting import may_act_for
from transfer_service.use_cases.people.link_mails import withdraw_dead_links
from transfer_service.use_cases.people.locking import lock_membership
from transfer_service.use_cases.people.session_rows import end_sessions_of
from transfer_service.use_cases.recording import entry, record_all


def end_membership(
    session: Session, at: Installation, actor: Actor, *, membership_id: UUID, school_keys: SchoolKeys | None = None
) -> bool:
    """End somebody's role: for a key holder grants and sessions go at once, and the school gets a new epoch.

    With the actor's `school_keys` the new epoch is made in this act; without, it is asked of the next colleague who
    unlocks. Returns whether one was made. Raises NotFound, PermissionRefused, RuleForbids for one's own role.
    """
    membership, person = lock_colleague(session, actor, membership_id)
    permissions.check(actor, Permission.PEOPLE_END)
    check_not_own(actor, person)
    was_taken_up = membership.state is not MembershipState.INVITED
    leaves, renewed = end_roles(session, at, actor, [membership], person, basis=Basis.LEAVER, school_keys=school_keys)
    if was_taken_up:
        alert_person(session, at, AlertKind.ROLE_ENDED, person)
    record_all(session, at, leaves)
    return renewed


def end_roles(
    session: Session,
    at: Installation,
    actor: Actor | None,
    memberships: Sequence[Membership],
    person: Person,
    *,
    basis: Basis,
    school_keys: SchoolKeys | None = None,
) -> tuple[list[Entry], bool]:
    """End roles of a locked person at one place, for the act that it is a part of.

    Returns the leaves, which the caller records, and whether an epoch was made. The caller has checked who may. Raises
    NotFound where one has ended meanwhile.
    """
    school = _lock(session, memberships)
    of_keys = [one for one in memberships if one.role in KEY_HOLDING_ROLES]
    had_key_role = any(_may_hold_keys(session, one) for one in of_keys)
    for membership in memberships:
        membership.state = MembershipState.ENDED
        membership.ended_at = at.now()
        membership.ended_by = actor.person_id if actor else None
    leaves = [_leaf(actor, Event.MEMBERSHIP_ENDED, membership, basis) for membership in memberships]
    session.execute(delete(Invitation).where(Invitation.membership_id.in_([one.id for one in memberships])))
    leaves += withdraw_dead_links(session, at, person)
    renewed = False
    if school is not None and had_key_role and not _has_key_role(session, person, school):
        leaves += _take_grants(session, at, actor, school, person, basis=Basis.LEAVER)
        alert_school(session, at, AlertKind.COLLEAGUE_LEFT, school.id)
        if any(one.approved_at is not None for one in of_keys):
            # Whoever lost the approval by an exposure holds keys that are out of use alone: the one in use stays.
            more, renewed = _renew_or_ask(session, at, actor, school, school_keys)
            leaves += more
        _tell_how_many_are_left(session, at, school)
    leaves += end_sessions_of(session, at, actor, person_id=person.id)
    leaves += end_backup_codes(session, actor, person_id=person.id, basis=Basis.LEAVER)
    return leaves, renewed


def suspend_membership(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> None:
    """Let somebody act no more for the time being: grants and sessions go at once, the role stays.

    Raises NotFound also where the role is not in use, PermissionRefused, RuleForbids for one's own role.
    """
    membership, person = lock_colleague(session, actor, membership_id)
    permissions.check(actor, Permission.PEOPLE_END)
    check_not_own(actor, person)
    school = _lock(session, [membership])
    if membership.state not in (MembershipState.ACTIVE, MembershipState.AWAITING_APPROVAL):
        raise NotFound("colleague")
    membership.state = MembershipState.SUSPENDED
    leaves = [_leaf(actor, Event.MEMBERSHIP_SUSPENDED, membership, Basis.ROLE)]
    if school is not None and membership.role in KEY_HOLDING_ROLES and not _has_key_role(session, person, school):
        revoked = _take_grants(session, at, actor, school, person, basis=Basis.ROLE)
        leaves += revoked
        if revoked:
            _tell_how_many_are_left(session, at, school)
    leaves += end_sessions_of(session, at, actor, person_id=person.id)
    leaves += end_backup_codes(session, actor, person_id=person.id, basis=Basis.ROLE)
    record_all(session, at, leaves)


def return_membership(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> None:
    """Let somebody who was suspended come back; a key holder waits to be granted the school's key again.

    Raises NotFound also where nobody is suspended, PermissionRefused, RuleForbids for one's own role.
    """
    membership, person = lock_colleague(session, actor, membership_id)
    permissions.check(actor, Permission.PEOPLE_END)
    check_not_own(actor, person)
    _lock(session, [membership])
    if membership.state is not MembershipState.SUSPENDED:
        raise NotFound("colleague")
    membership.state = MembershipState.ACTIVE
    if membership.school_id is not None and membership.role in KEY_HOLDING_ROLES:
        membership.state = MembershipState.AWAITING_APPROVAL
        ask_for_keys(session, at, membership.school_id)
    record_all(session, at, [_leaf(actor, Event.MEMBERSHIP_CHANGED, membership, Basis.ROLE)])


def lock_colleague(session: Session, actor: Actor, membership_id: UUID) -> tuple[Membership, Person]:
    """Return a membership that has not ended, at a place that the actor acts for, its person locked.

    Raises NotFound, and SessionEnded where the actor's own access ended while this waited.
    """
    row = lock_membership(session, actor, membership_id)
    if (
        row is None
        or row.membership.state is MembershipState.ENDED
        or not may_act_for(session, actor, school_id=row.membership.school_id, authority_id=row.membership.authority_id)
    ):
        raise NotFound("colleague")
    return row.membership, row.person


def check_not_own(actor: Actor, person: Person) -> None:
    if person.id == actor.person_id:
        raise RuleForbids("own_membership", "You cannot do this to your own role. Ask a colleague to do it.")


def _lock(session: Session, memberships: Sequence[Membership]) -> School | None:
    """Lock the school, if it is one, and read its memberships again: a key may have been granted while we waited."""
    school_id = memberships[0].school_id
    if school_id is None:
        return None
    school = lock_school(session, school_id)
    for membership in memberships:
        session.refresh(membership)
        if membership.state is MembershipState.ENDED:
            raise NotFound("colleague")
    return school


def _may_hold_keys(session: Session, membership: Membership) -> bool:
    """Whether the person was approved, or holds grants all the same: a reported exposure ends approvals alone."""
    if membership.approved_at is not None or membership.school_id is None:
        return membership.approved_at is not None
    return bool(key_queries.list_grants_to_person(session, membership.person_id, membership.school_id))


def _has_key_role(session: Session, person: Person, school: School) -> bool:
    """Whether the person is still a DSL or deputy of the school, by a role that was not ended or suspended just now."""
    session.flush()
    return any(
        membership.role in KEY_HOLDING_ROLES and membership.state is MembershipState.ACTIVE
        for membership in people_queries.find_live_memberships(
            session, person.id, school_id=school.id, authority_id=None
        )
    )


def _take_grants(
    session: Session, at: Installation, actor: Actor | None, school: School, person: Person, *, basis: Basis
) -> list[Entry]:
    return revoke_from_person(session, at, actor, person_id=person.id, school_id=school.id, basis=basis)


def _renew_or_ask(
    session: Session, at: Installation, actor: Actor | None, school: School, school_keys: SchoolKeys | None
) -> tuple[list[Entry], bool]:
    """Make the new epoch, or ask the next key holder for it; with nobody left there is no epoch to renew."""
    if key_queries.find_active_epoch_row(session, school.id) is None:
        return [], False
    if actor is not None and school_keys is not None and school_keys.school_id == school.id:
        _, leaves = renew_epoch(session, at, actor, school_keys=school_keys, basis=Basis.LEAVER)
        return leaves, True
    alert_school(session, at, AlertKind.EPOCH_WANTED, school.id)
    return [entry(actor, Event.EPOCH_REQUESTED, org=school.id, subject=school.id, basis=Basis.LEAVER)], False


def _tell_how_many_are_left(session: Session, at: Installation, school: School) -> None:
    holders = key_queries.count_holders(session, school.id)
    if holders == 0:
        alert_authority(session, at, AlertKind.NO_KEY_HOLDER, school.authority_id)
        alert_school(session, at, AlertKind.NO_KEY_HOLDER, school.id, roles={Role.HEAD_TEACHER})
    elif holders == 1:
        alert_school(session, at, AlertKind.SINGLE_KEY_HOLDER, school.id)


def _leaf(actor: Actor | None, event: Event, membership: Membership, basis: Basis) -> Entry:
    return entry(actor, event, org=membership.organisation_id, subject=membership.id, basis=basis)
