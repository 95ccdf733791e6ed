"""Asking for the custodians' help: the request, its approval by two officers, the alarm to everybody concerned.

For what nobody at the school can open any more and no sender still holds. Whoever asks does not approve.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.errors import ReceiptNotReady
from transfer_service.audit.receipts import compose_receipt
from transfer_service.crypto.suites import PublicKey
from transfer_service.db.models import Membership, Person, RecoveryRequest, School
from transfer_service.db.queries import people as people_queries
from transfer_service.db.queries import recovery as queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.custodians import OPEN_STATES, RecoveryState, next_recovery_state
from transfer_service.domain.errors import AlreadyDone, Conflict, NotFound, RuleForbids, StateForbids, Unavailable
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState, authority_of
from transfer_service.use_cases.alerting import alert_authority, alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import authentic_person_key, find_person_key
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.recording import open_detail, record

MAY_RECEIVE = frozenset({MembershipState.ACTIVE, MembershipState.AWAITING_APPROVAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One request as officers see it; `words` are those of the key that the school's keys would be sealed to."""

    request_id: UUID
    school_id: UUID
    school_name: str
    town: str
    urn: str
    telephone: str
    person_name: str
    words: tuple[str, ...]
    state: RecoveryState
    requested_at: datetime
    requested_by: UUID
    first_approved_at: datetime | None
    first_approved_by: UUID | None
    approved_at: datetime | None
    exported_at: datetime | None
    completed_at: datetime | None
    may_approve: bool
    """Whether the one who looks can give the approval that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody for whom the custodians' help can be asked."""

    membership_id: UUID
    name: str
    words: tuple[str, ...]


def list_candidates(session: Session, at: Installation, actor: Actor, *, school_id: UUID) -> list[Candidate]:
    """List the safeguarding leads of a school who have a key of their own; raises NotFound, PermissionRefused."""
    _get_school(session, actor, school_id)
    permissions.check(actor, Permission.RECOVERY_REQUEST)
    if not queries.list_unheld_epochs(session, school_id) or queries.find_open_request(session, school_id):
        return []
    rows = session.execute(
        select(Membership, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.school_id == school_id,
            Membership.role.in_(list(KEY_HOLDING_ROLES)),
            Membership.state.in_(MAY_RECEIVE),
        )
        .order_by(Person.name)
    )
    found = []
    for membership, person in rows:
        key = find_person_key(session, person.id)
        if key is not None:
            words = authentic_person_key(at, key).fingerprint.words()
            found.append(Candidate(membership_id=membership.id, name=person.name, words=words))
    return found


def request_recovery(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> UUID:
    """Ask that the custodians seal a school's lost keys to one of its safeguarding leads; returns the request's id.

    Every safeguarding lead of the authority is alarmed. Raises NotFound for somebody of another school, NeedsPassword,
    RuleForbids where somebody at the school can still open everything or the person has no key, AlreadyDone where a
    request is open.
    """
    found = people_queries.find_membership(session, membership_id)
    if found is None or found.school is None or found.membership.role not in KEY_HOLDING_ROLES:
        raise NotFound("colleague")
    school = _get_school(session, actor, found.school.id)
    permissions.check(actor, Permission.RECOVERY_REQUEST)
    check_password_is_recent(session, at, actor)
    lock_school(session, school.id)
    session.refresh(found.membership)  # it may have ended while this waited
    if found.membership.state not in MAY_RECEIVE:
        raise RuleForbids("not_in_role", "This person’s role is not in use. Choose a lead of the school who is active.")
    if queries.find_open_request(session, school.id) is not None:
        raise AlreadyDone("request recovery", "A request for this school is open already. Nothing was changed.")
    if not queries.list_unheld_epochs(session, school.id):
        raise RuleForbids(
            "colleague_grants",
            "Somebody at the school can still open everything. They compare fingerprints with their colleague and "
            "grant the key.",
        )
    public, version = _key_of(session, at, found.person.id)
    request = RecoveryRequest(
        id=at.new_id(),
        school_id=school.id,
        membership_id=membership_id,
        person_id=found.person.id,
        key_version=version,
        key_fingerprint=public.fingerprint.digest,
        state=RecoveryState.REQUESTED,
        requested_at=at.now(),
        requested_by=actor.person_id,
    )
    session.add(request)
    session.flush()
    _alarm(session, at, school)
    _record(session, at, actor, Event.RECOVERY_REQUESTED, request)
    return request.id


def approve_recovery(session: Session, at: Installation, actor: Actor, *, request_id: UUID) -> RecoveryState:
    """Approve a request as the first or the second of two officers; returns where it stands.

    Raises NotFound outside the authority, NeedsPassword, RuleForbids for who asked, whom it is for, or who approved
    already, StateForbids where nothing is to be approved, Conflict where the person has another key since.
    """
    request = _get_request(session, actor, request_id, lock=True)
    permissions.check(actor, Permission.RECOVERY_APPROVE)
    check_password_is_recent(session, at, actor)
    state = next_recovery_state(request.state)
    if state is None:
        raise StateForbids(request.state, "approve recovery")
    if not may_approve(request, actor):
        raise RuleForbids(
            "two_officers",
            "Two officers who neither asked for it nor receive the key must approve. Ask another officer.",
        )
    public, _ = _key_of(session, at, request.person_id)
    if public.fingerprint.digest != request.key_fingerprint:
        raise Conflict("The person has another key since the request. Refuse this request and have it made again.")
    request.state = state
    if state is RecoveryState.FIRST_APPROVED:
        request.first_approved_at, request.first_approved_by = at.now(), actor.person_id
        _record(session, at, actor, Event.RECOVERY_FIRST_APPROVED, request)
    else:
        request.approved_at, request.approved_by = at.now(), actor.person_id
        # The custodians' tool insists on a receipt of exactly this leaf.
        _record(session, at, actor, Event.RECOVERY_APPROVED, request)
    return state


def refuse_recovery(session: Session, at: Installation, actor: Actor, *, request_id: UUID) -> None:
    """End a request that was not completed; raises NotFound, StateForbids, PermissionRefused."""
    request = _get_request(session, actor, request_id, lock=True)
    permissions.check(actor, Permission.RECOVERY_APPROVE)
    if request.state not in OPEN_STATES:
        raise StateForbids(request.state, "refuse recovery")
    request.state = RecoveryState.REFUSED
    _record(session, at, actor, Event.RECOVERY_REFUSED, request)


def list_recoveries(session: Session, at: Installation, actor: Actor) -> list[Recovery]:
    """List the requests of the authority's schools, the newest first; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.RECOVERY_APPROVE)
    return [
        _show(session, at, actor, request=request, school=school, person=person)
        for request, school, person in queries.list_requests(session, authority_id)
    ]


def get_recovery(session: Session, at: Installation, actor: Actor, *, request_id: UUID) -> Recovery:
    """Return one request of the authority's schools; raises NotFound, PermissionRefused."""
    for one in list_recoveries(session, at, actor):
        if one.request_id == request_id:
            return one
    raise NotFound("request")


def make_approval_receipt(session: Session, at: Installation, actor: Actor, *, request_id: UUID) -> bytes:
    """Return the `.tlog-proof` of a request's approval, without which the custodians open nothing.

    Raises NotFound where it was not approved, Unavailable where the log has not signed it yet.
    """
    request = _get_request(session, actor, request_id)
    permissions.check(actor, Permission.RECOVERY_APPROVE)
    leaf = queries.find_approval_leaf(session, request.id)
    if leaf is None:
        raise NotFound("receipt")
    try:
        return compose_receipt(session, leaf, open_sealed=lambda idx, sealed: open_detail(at, idx, sealed))
    except ReceiptNotReady as wait:
        raise Unavailable(5, str(wait)) from None


def may_approve(request: RecoveryRequest, actor: Actor) -> bool:
    """Whether the actor is one of the two officers who may: not who asked, nor who receives, nor the first twice."""
    return actor.person_id not in (request.requested_by, request.person_id, request.first_approved_by)


def _get_school(session: Session, actor: Actor, school_id: UUID) -> School:
    """Return the actor's own school, or one of the actor's authority; raises NotFound."""
    school = session.get(School, school_id)
    if school is None or actor.organisation_id not in (school.id, school.authority_id):
        raise NotFound("school")
    return school


def _get_request(session: Session, actor: Actor, request_id: UUID, *, lock: bool = False) -> RecoveryRequest:
    request = session.get(RecoveryRequest, request_id, with_for_update=lock or None)
    school = session.get(School, request.school_id) if request else None
    if request is None or school is None or school.authority_id != actor.organisation_id:
        raise NotFound("request")
    return request


def _key_of(session: Session, at: Installation, person_id: UUID) -> tuple[PublicKey, int]:
    key = find_person_key(session, person_id)
    if key is None:
        raise RuleForbids("no_person_key", "This person has no key yet. Ask them to finish signing up first.")
    return authentic_person_key(at, key), key.version


def _alarm(session: Session, at: Installation, school: School) -> None:
    for person in queries.list_key_holding_people(session, school.authority_id):
        alert_person(session, at, AlertKind.RECOVERY_REQUESTED, person)
    alert_authority(session, at, AlertKind.RECOVERY_REQUESTED, school.authority_id)


def _show(
    session: Session, at: Installation, actor: Actor, *, request: RecoveryRequest, school: School, person: Person
) -> Recovery:
    key = find_person_key(session, person.id)
    public = authentic_person_key(at, key) if key else None
    is_same = public is not None and public.fingerprint.digest == request.key_fingerprint
    return Recovery(
        request_id=request.id,
        school_id=school.id,
        school_name=school.name,
        town=school.town,
        urn=school.urn,
        telephone=school.telephone,
        person_name=person.name,
        words=public.fingerprint.words() if public and is_same else (),
        state=request.state,
        requested_at=request.requested_at,
        requested_by=request.requested_by,
        first_approved_at=request.first_approved_at,
        first_approved_by=request.first_approved_by,
        approved_at=request.approved_at,
        exported_at=request.exported_at,
        completed_at=request.completed_at,
        may_approve=next_recovery_state(request.state) is not None and may_approve(request, actor),
    )


def _record(session: Session, at: Installation, actor: Actor, event: Event, request: RecoveryRequest) -> None:
    record(
        session,
        at,
        actor,
        event,
        org=request.school_id,
        subject=request.id,
        key=request.key_fingerprint.hex(),
        basis=Basis.ROLE,
    )
