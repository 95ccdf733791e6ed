"""Alerts are rows of the outbox, written in the transaction of the fact that causes them; the worker sends them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Alert, Dispatch, Person, School, Transfer
from transfer_service.db.queries.people import list_active_people
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.roles import AUTHORITY_ROLES, KEY_HOLDING_ROLES, Role
from transfer_service.use_cases.installation import Installation


def alert_school(
    session: Session,
    at: Installation,
    kind: AlertKind,
    school_id: UUID,
    *,
    dispatch: Dispatch | None = None,
    roles: Iterable[Role] = KEY_HOLDING_ROLES,
) -> None:
    """Alert everybody who holds one of the roles at a school, and its safeguarding mailbox.

    By default these are its active DSLs and deputies.
    """
    for person in list_active_people(session, roles, school_id=school_id):
        _queue(session, at, kind, person.email, person_id=person.id, organisation_id=school_id, dispatch=dispatch)
    mailbox = session.scalar(select(School.safeguarding_mailbox).where(School.id == school_id))
    if mailbox:
        _queue(session, at, kind, mailbox, organisation_id=school_id, dispatch=dispatch)


def alert_authority(
    session: Session, at: Installation, kind: AlertKind, authority_id: UUID, *, dispatch: Dispatch | None = None
) -> int:
    """Alert the officers and the Head of Service of an authority; returns how many there are."""
    people = list_active_people(session, AUTHORITY_ROLES, authority_id=authority_id)
    for person in people:
        _queue(session, at, kind, person.email, person_id=person.id, organisation_id=authority_id, dispatch=dispatch)
    return len(people)


def alert_person(
    session: Session, at: Installation, kind: AlertKind, person: Person, *, secret: str | None = None
) -> Alert:
    """Alert one person; `secret` is what only the mail may show, such as an invitation's link."""
    return _queue(session, at, kind, person.email, person_id=person.id, secret=secret)


def _queue(
    session: Session,
    at: Installation,
    kind: AlertKind,
    address: str,
    *,
    person_id: UUID | None = None,
    organisation_id: UUID | None = None,
    dispatch: Dispatch | None = None,
    secret: str | None = None,
) -> Alert:
    now, alert_id = at.now(), at.new_id()
    transfer = session.get_one(Transfer, dispatch.transfer_id) if dispatch else None
    alert = Alert(
        id=alert_id,
        kind=kind,
        address=address,
        person_id=person_id,
        organisation_id=organisation_id,
        transfer_id=transfer.id if transfer else None,
        dispatch_id=dispatch.id if dispatch else None,
        reference=transfer.reference if transfer else None,
        secret=at.field_keys.seal_field(secret, table="alert", column="secret", row=alert_id) if secret else None,
        state=AlertState.PENDING,
        created_at=now,
        not_before=now,
        attempts=0,
    )
    session.add(alert)
    return alert
