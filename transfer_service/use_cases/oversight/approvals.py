"""An officer approves a school's first designated safeguarding lead, after telephoning the school.

The number is the one that the national register gives, never one from a mail. Later key holders are granted the key
by a colleague; an officer approves again only where a school has lost its last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.db.models import Membership, Person, School
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import people as people_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import NotFound, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.oversight import APPROVAL_REFUSAL_LABELS, ApprovalRefusal
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import (
    KEY_HOLDING_ROLES,
    Actor,
    MembershipState,
    Role,
    authority_of,
)
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.approvals import has_ended_a_holder
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import authentic_person_key, find_person_key
from transfer_service.use_cases.keys.writing_grants import revoke_from_person
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.recording import entry, record, record_all


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingApproval:
    """Somebody who waits for an officer, with what the officer needs to check by telephone."""

    membership_id: UUID
    name: str
    email: str
    role: Role
    invited_at: datetime
    school_id: UUID
    school_name: str
    town: str
    urn: str
    telephone: str
    """From the national register; empty where it gives none."""
    words: tuple[str, ...]
    """The eight words of the person's fingerprint, to be read out by them."""


def list_approvals(session: Session, at: Installation, actor: Actor) -> list[WaitingApproval]:
    """List who waits for an officer of the actor's authority, the longest wait first; raises PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.FIRST_DSL_APPROVE)
    return [
        _waiting(session, at, membership, person, school)
        for membership, person, school in people_queries.list_awaiting_first_holders(session, authority_id)
    ]


def get_approval(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> WaitingApproval:
    """Return one of those who wait for an officer of the actor's authority; raises NotFound, PermissionRefused."""
    for waiting in list_approvals(session, at, actor):
        if waiting.membership_id == membership_id:
            return waiting
    raise NotFound("approval")


def approve_first_dsl(
    session: Session, at: Installation, actor: Actor, *, membership_id: UUID, spoke_with: str | None = None
) -> None:
    """Say that the school confirmed its safeguarding lead by telephone; the lead's next sign-in makes the key.

    `spoke_with` is whom the officer spoke with, which is kept beside the leaf.

    The approval is for the key that the person has now: after a lost password it is asked for again. Raises NotFound
    outside the actor's authority or where nobody waits, PermissionRefused, NeedsPassword, RuleForbids where a colleague
    holds the school's key, the officer is the person or took the key from who held it last (one officer alone must not
    put somebody in a lead's place), CannotOpen where the person's key is not authentic.
    """
    membership, person, school = _get_waiting(session, actor, membership_id)
    permissions.check(actor, Permission.FIRST_DSL_APPROVE)
    # Whoever is approved reads what is sent to the school: a screen that was left alone must not be enough for it.
    check_password_is_recent(session, at, actor)
    _check_may_decide(session, actor, membership, person, school)
    if has_ended_a_holder(session, school.id, actor.person_id):
        raise RuleForbids(
            "another_officer",
            "You ended or stopped the access of a safeguarding lead who held this school’s key. Another officer of "
            "your authority has to telephone the school and approve the next one.",
        )
    key = find_person_key(session, person.id)
    if key is None:
        raise NotFound("key")
    fingerprint = authentic_person_key(at, key).fingerprint
    membership.state = MembershipState.ACTIVE
    membership.approved_at = at.now()
    membership.approved_by = actor.person_id
    alert_person(session, at, AlertKind.MEMBERSHIP_APPROVED, person)
    record(
        session,
        at,
        actor,
        Event.MEMBERSHIP_APPROVED,
        org=membership.school_id,
        subject=membership.id,
        key=fingerprint.hex,
        basis=Basis.TELEPHONE_CHECK,
        detail=_detail("The school confirmed the safeguarding lead by telephone.", spoke_with=spoke_with),
    )


def refuse_first_dsl(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    membership_id: UUID,
    reason: ApprovalRefusal | None = None,
    spoke_with: str | None = None,
) -> None:
    """Say that the school did not confirm the person: the role ends with all that it held, and the person is told.

    Who waits again after a suspected exposure holds grants of the school's earlier keys until then. The reason and whom
    the officer spoke with are kept beside the leaf.

    Raises NotFound, PermissionRefused, RuleForbids as `approve_first_dsl`.
    """
    membership, person, school = _get_waiting(session, actor, membership_id)
    permissions.check(actor, Permission.FIRST_DSL_APPROVE)
    _check_may_decide(session, actor, membership, person, school)
    membership.state = MembershipState.ENDED
    membership.ended_at = at.now()
    membership.ended_by = actor.person_id
    alert_person(session, at, AlertKind.MEMBERSHIP_REFUSED, person)
    refused = entry(
        actor,
        Event.MEMBERSHIP_REFUSED,
        org=membership.school_id,
        subject=membership.id,
        basis=Basis.TELEPHONE_CHECK,
        detail=_detail(
            APPROVAL_REFUSAL_LABELS[reason] + "." if reason else "The school did not confirm the person.",
            spoke_with=spoke_with,
            reason=reason.value if reason else None,
        ),
    )
    revoked = revoke_from_person(
        session, at, actor, person_id=person.id, school_id=school.id, basis=Basis.TELEPHONE_CHECK
    )
    record_all(session, at, [refused, *revoked])


def _detail(sentence: str, **facts: str | None) -> dict[str, Any]:
    return tell(sentence, **{name: fact for name, fact in facts.items() if fact})


def _waiting(
    session: Session, at: Installation, membership: Membership, person: Person, school: School
) -> WaitingApproval:
    key = find_person_key(session, person.id)
    return WaitingApproval(
        membership_id=membership.id,
        name=person.name,
        email=person.email,
        role=membership.role,
        invited_at=membership.created_at,
        school_id=school.id,
        school_name=school.name,
        town=school.town,
        urn=school.urn,
        telephone=school.telephone,
        words=authentic_person_key(at, key).fingerprint.words() if key else (),
    )


def _get_waiting(session: Session, actor: Actor, membership_id: UUID) -> tuple[Membership, Person, School]:
    authority_id = authority_of(actor)
    row = people_queries.find_membership(session, membership_id)
    if (
        row is None
        or row.school is None
        or row.school.authority_id != authority_id
        or row.membership.role not in KEY_HOLDING_ROLES
        or row.membership.state is not MembershipState.AWAITING_APPROVAL
    ):
        raise NotFound("approval")
    return row.membership, row.person, row.school


def _check_may_decide(session: Session, actor: Actor, membership: Membership, person: Person, school: School) -> None:
    if person.id == actor.person_id:
        raise RuleForbids("own_membership", "You cannot decide about yourself. Ask another officer of your authority.")
    # A new password makes a new key: it waits until what was said of the present one is written, or we see the new.
    session.execute(select(Person.id).where(Person.id == person.id).with_for_update())
    lock_school(session, school.id)
    session.refresh(membership)
    if membership.state is not MembershipState.AWAITING_APPROVAL:
        raise NotFound("approval")
    if key_queries.count_holders(session, school.id):
        raise RuleForbids(
            "colleague_grants",
            "Somebody at the school holds its key. They compare fingerprints with their colleague and grant it.",
        )
