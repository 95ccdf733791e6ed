"""Beginning a whole session, once password and second factor were right."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Person, SignInSession
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts, devices
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.session_keys import StartedSession, add_session
from transfer_service.use_cases.people.session_rows import own_actor
from transfer_service.use_cases.recording import entry


def start_session(
    session: Session,
    at: Installation,
    person: Person,
    *,
    key_version: int,
    seed: Seed,
    device: Device,
    password_given_at: datetime,
    trust_device: bool = False,
    is_first: bool = False,
) -> tuple[StartedSession, list[Entry]]:
    """Begin a whole session; returns it and its leaf.

    A sign-in from a browser that was not seen before is told by mail, but not the very first one of an account.
    Raises RuleForbids where the device was to be trusted and may not be.
    """
    row, cookie = add_session(
        session,
        at,
        person_id=person.id,
        key_version=key_version,
        seed=seed,
        stage=SessionStage.FULL,
        device_label=device.short_label,
        password_given_at=password_given_at,
    )
    if not is_first and devices.find_own_mark(at, person, device.marks) is None:
        alert_person(session, at, AlertKind.NEW_DEVICE, person)
    attempts.forget_failures(session, attempts.counters_of(at, email=person.email, person=person, device=device))
    started = StartedSession(
        session_id=row.id,
        person_id=person.id,
        stage=SessionStage.FULL,
        cookie=cookie,
        expires_at=row.expires_at,
        device_mark=devices.make_mark(at, person),
        trusted_device=devices.trust_device(session, at, person_id=person.id) if trust_device else None,
    )
    return started, [entry(own_actor(person.id, row.id), Event.SESSION_STARTED, subject=row.id, basis=Basis.ROLE)]


def replace_pending(
    session: Session,
    at: Installation,
    person: Person,
    *,
    pending: SignInSession,
    seed: Seed,
    device: Device,
    trust_device: bool = False,
    is_first: bool = False,
) -> tuple[StartedSession, list[Entry]]:
    """Replace a five-minute session, row and cookie, by a whole one; returns it and its leaf."""
    version, given_at = pending.key_version, pending.password_given_at
    session.delete(pending)
    session.flush()
    return start_session(
        session,
        at,
        person,
        key_version=version,
        seed=seed,
        device=device,
        password_given_at=given_at,
        trust_device=trust_device,
        is_first=is_first,
    )
