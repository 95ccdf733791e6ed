"""Who approved a safeguarding lead's present key, by the row and by the log: a row alone makes nobody a key holder.

Whoever can write the database can set a date in a membership. What they would read then is all that is sent to a
school that has no key yet, so that the log has to tell of the approval too, where it names who gave it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import decode_readable
from transfer_service.db.models import LogLeaf, Membership, PersonKey
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Event
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState

_GIVEN = frozenset({Event.MEMBERSHIP_APPROVED, Event.KEY_COMPARED, Event.RECOVERY_COMPLETED})
"""By an officer, by a colleague who compared words, by two officers and the custodians."""
_TAKEN = frozenset(
    {Event.MEMBERSHIP_CHANGED, Event.MEMBERSHIP_SUSPENDED, Event.MEMBERSHIP_ENDED, Event.MEMBERSHIP_REFUSED}
)


def get_approver(session: Session, school_id: UUID, holder: PersonKey) -> UUID | None:
    """Return who approved this very key of a DSL; raises RuleForbids (`not_approved`) where nobody did.

    An approval from before the key was made is not for this key, and one that the log does not tell of is none.
    """
    approval = session.execute(
        select(Membership.id, Membership.approved_by).where(
            Membership.person_id == holder.person_id,
            Membership.school_id == school_id,
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.state == MembershipState.ACTIVE,
            Membership.approved_at >= holder.created_at,
        )
    ).first()
    if approval is None or not _is_recorded(session, school_id, holder, membership_id=approval[0]):
        raise RuleForbids(
            "not_approved",
            "An officer of your authority has to approve you first. They will telephone your school.",
        )
    return approval[1]


def has_ended_a_holder(session: Session, school_id: UUID, officer_id: UUID) -> bool:
    """Tell whether somebody took the role of an approved lead of a school since its newest key was made, by the log.

    At a school that never had a key there was nothing to take.
    """
    newest = session.scalar(
        select(func.max(LogLeaf.idx)).where(LogLeaf.org == school_id, LogLeaf.event == Event.EPOCH_CREATED.value)
    )
    if newest is None:
        return False
    taken = (
        select(LogLeaf.idx)
        .join(Membership, Membership.id == LogLeaf.subject)
        .where(
            LogLeaf.org == school_id,
            LogLeaf.event.in_([Event.MEMBERSHIP_ENDED.value, Event.MEMBERSHIP_SUSPENDED.value]),
            LogLeaf.idx > newest,
            LogLeaf.actor == officer_id,
            Membership.role.in_(KEY_HOLDING_ROLES),
            Membership.approved_at.is_not(None),
        )
    )
    return session.scalar(taken.limit(1)) is not None


def _is_recorded(session: Session, school_id: UUID, holder: PersonKey, *, membership_id: UUID) -> bool:
    """Whether the newest leaf about it approves this key, and does not end the approval."""
    bodies = session.scalars(
        select(LogLeaf.body)
        .where(LogLeaf.org == school_id, LogLeaf.event.in_([event.value for event in _GIVEN | _TAKEN]))
        .order_by(LogLeaf.idx)
    )
    is_approved = False
    for said in (leaf.said for leaf in decode_readable(bodies)):
        if Event(said.event) in _GIVEN:
            is_approved = is_approved or said.key == holder.fingerprint.hex()
        elif said.subject == membership_id:
            is_approved = False
    return is_approved
