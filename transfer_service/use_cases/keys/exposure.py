"""A school's key that may have become known to somebody: nobody trusts it to name its successor (docs/keys.md, rule 9).

The key is retired at once and every key holder's approval ends. An officer who telephones the school approves one of
them, who makes the next key without a signature of the old; she then compares words with the others, one by one.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.db.models import Membership, School
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import AlreadyDone
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState, school_of
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epoch_rows import retire_epoch
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.recording import entry, record_all


def report_exposure(session: Session, at: Installation, actor: Actor) -> int:
    """Retire the school's key because somebody may know it; returns how many people have to be approved again.

    What they were granted of the old key stays, so that they can seal everything to the next one. Files that are sent
    meanwhile wait. Raises NotFound, PermissionRefused, NeedsPassword, and AlreadyDone where no key is in use.
    """
    school = lock_school(session, school_of(actor))
    permissions.check(actor, Permission.KEYS_GRANT)
    check_password_is_recent(session, at, actor)
    if key_queries.find_active_epoch_row(session, school.id) is None:
        raise AlreadyDone("report exposure", "Your school’s key is out of use already. Nothing was changed.")
    leaves = retire_epoch(session, at, actor, school_id=school.id, basis=Basis.SUSPECTED_EXPOSURE)
    # Told while their roles still count.
    alert_school(session, at, AlertKind.EPOCH_WANTED, school.id)
    alert_authority(session, at, AlertKind.APPROVAL_WANTED, school.authority_id)
    waiting = _end_approvals(session, actor, school)
    record_all(session, at, [*leaves, *waiting])
    return len(waiting)


def _end_approvals(session: Session, actor: Actor, school: School) -> list[Entry]:
    """Have everybody in a key-holding role wait for an officer or a colleague again."""
    leaves = []
    for membership in session.scalars(
        select(Membership)
        .where(
            Membership.school_id == school.id,
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.state == MembershipState.ACTIVE,
        )
        .order_by(Membership.created_at, Membership.id)
    ):
        membership.state = MembershipState.AWAITING_APPROVAL
        membership.approved_at = None
        membership.approved_by = None
        leaves.append(
            entry(
                actor,
                Event.MEMBERSHIP_CHANGED,
                org=school.id,
                subject=membership.id,
                basis=Basis.SUSPECTED_EXPOSURE,
            )
        )
    return leaves
