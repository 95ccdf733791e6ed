"""Signing in: password, then a one-time code.

These functions take the database, not a session: a password is derived between two transactions, never inside one,
and a failure must be counted although it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys, needs_new_parameters
from transfer_service.db.models import Person, SignInSession
from transfer_service.db.queries import people as people_queries
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import SessionEnded, SignInRefused, Unavailable
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts, devices, one_time_codes
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.locking import lock_pending, lock_person
from transfer_service.use_cases.people.passwords import PasswordWork, read_parameters
from transfer_service.use_cases.people.person_keys import open_with_password, set_password
from transfer_service.use_cases.people.session_keys import StartedSession, open_seed, start_pending
from transfer_service.use_cases.people.session_rows import own_actor
from transfer_service.use_cases.people.starting import replace_pending, start_session
from transfer_service.use_cases.recording import entry, record_all

WRONG_CODE: Final = "The code is not right, or it was used already. Wait for the next code and try again."
WRONG_PASSWORD: Final = "The password is not right. Try again."  # noqa: S105 -- a sentence


def begin_sign_in(
    database: Database, at: Installation, work: PasswordWork, *, email: str, password: str, device: Device
) -> StartedSession:
    """Check a password; returns a session of five minutes that is good for nothing but the second factor.

    On a device that the person trusts, and may, the session is whole at once. Raises SignInRefused, after the same
    work and in the same words for accounts that do not exist; TooManyAttempts; Unavailable past the queue.
    """
    with database.reading() as session:
        person = people_queries.find_person_by_email(session, email)
        attempts.check_not_locked(session, at, attempts.counters_of(at, email=email, person=person, device=device))
        parameters = read_parameters(person) if person else None
        verifier = person.password_verifier if person else None
    keys = work.derive(password, parameters)
    stronger = _derive_anew(work, password, parameters, is_right=verifier is not None and keys.verifies(verifier))
    with database.writing() as session:
        person = people_queries.find_person_by_email(session, email, lock=True)
        counters = attempts.counters_of(at, email=email, person=person, device=device)
        attempts.hold_counters(session, at, counters)
        if person is not None and is_right_password(person, keys):
            return _accept_password(session, at, person, keys=keys, device=device, stronger=stronger)
        count_wrong(session, at, counters, person=person)
    raise SignInRefused


def finish_sign_in(
    database: Database, at: Installation, *, cookie: bytes, code: str, device: Device, trust_device: bool = False
) -> StartedSession:
    """Check the one-time code and replace the five-minute session and its cookie by a whole one.

    Raises SessionEnded, TooManyAttempts, SignInRefused for a wrong or used code, RuleForbids where the device may not
    be trusted.
    """
    with database.writing() as session:
        pending, person = lock_pending(session, at, cookie)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        seed = open_seed(at, pending, cookie)
        if use_code(at, person, code):
            started, leaves = replace_pending(
                session, at, person, pending=pending, seed=seed, device=device, trust_device=trust_device
            )
            record_all(session, at, leaves)
            return started
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_CODE)


def confirm_password(
    database: Database, at: Installation, work: PasswordWork, actor: Actor, *, password: str, device: Device
) -> None:
    """Take the password again for an act that asks for it; good for ten minutes.

    Raises SignInRefused, TooManyAttempts, Unavailable, SessionEnded.
    """
    keys = derive_own_password(database, at, work, actor, password=password, device=device)
    with database.writing() as session:
        person = lock_person(session, actor.person_id)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        if is_right_password(person, keys):
            get_own_session(session, actor).password_given_at = at.now()
            return
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_PASSWORD)


def derive_own_password(
    database: Database, at: Installation, work: PasswordWork, actor: Actor, *, password: str, device: Device
) -> PasswordKeys:
    """Derive what somebody who is signed in typed as the present password; whether it is right is asked after."""
    with database.reading() as session:
        person = session.get_one(Person, actor.person_id)
        attempts.check_not_locked(session, at, own_counters(at, person, device))
        parameters = read_parameters(person)
    return work.derive(password, parameters)


def is_right_password(person: Person, keys: PasswordKeys) -> bool:
    """Tell whether the derived keys are those of the person's present password."""
    return person.password_verifier is not None and keys.verifies(person.password_verifier)


def use_code(at: Installation, person: Person, code: str) -> bool:
    """Use up a one-time code of a locked person; False where it is wrong, used, or there is no second factor."""
    secret = one_time_codes.open_secret(at, person)
    if secret is None:
        return False
    step = one_time_codes.matching_step(secret, code, now=at.now(), last_step=person.totp_last_step)
    if step is None:
        return False
    person.totp_last_step = step
    return True


def own_counters(at: Installation, person: Person, device: Device) -> attempts.Counters:
    """Return under what a guess at the account of a person is counted, whose password or code is asked for."""
    return attempts.counters_of(at, email=person.email, person=person, device=device)


def count_wrong(session: Session, at: Installation, counters: attempts.Counters, *, person: Person | None) -> None:
    """Count a failure; where it locks an account, leave a leaf and tell whose account it is."""
    person_id = person.id if person is not None else None
    leaves = attempts.count_failure(session, at, counters, person_id=person_id)
    if person is not None and _locks_account(person, leaves):
        _tell_of_lock(session, at, person)
    record_all(session, at, leaves)


def _tell_of_lock(session: Session, at: Installation, person: Person) -> None:
    if attempts.may_tell_of_lock(session, at, email=person.email):
        alert_person(session, at, AlertKind.SIGN_IN_LOCKED, person)


def _locks_account(person: Person, leaves: Sequence[Entry]) -> bool:
    """Whether a failure locked somebody's account, and not a network address alone, nor one only invited."""
    return person.password_verifier is not None and any(one.leaf.subject == person.id for one in leaves)


def get_own_session(session: Session, actor: Actor) -> SignInSession:
    """Return the row of the actor's own session, locked; raises SessionEnded."""
    row = session.scalar(
        select(SignInSession)
        .where(SignInSession.id == actor.session_id, SignInSession.person_id == actor.person_id)
        .with_for_update()
    )
    if row is None:
        raise SessionEnded
    return row


def _derive_anew(
    work: PasswordWork, password: str, parameters: KdfParameters | None, *, is_right: bool
) -> tuple[KdfParameters, PasswordKeys] | None:
    """Derive a right password by today's parameters where its own are older: another pepper, or less work.

    It is not worth refusing a sign-in for: where too many derive already, the next sign-in does it.
    """
    if parameters is None or not is_right or not needs_new_parameters(parameters, work.peppers):
        return None
    fresh = work.new_parameters()
    try:
        return fresh, work.derive(password, fresh)
    except Unavailable:
        return None


def _accept_password(
    session: Session,
    at: Installation,
    person: Person,
    *,
    keys: PasswordKeys,
    device: Device,
    stronger: tuple[KdfParameters, PasswordKeys] | None,
) -> StartedSession:
    version, seed = open_with_password(session, at, person, keys)
    leaves = []
    if stronger is not None:
        changed_at = person.password_changed_at
        set_password(session, at, person, key_version=version, seed=seed, parameters=stronger[0], keys=stronger[1])
        # The password itself is the one that it was.
        person.password_changed_at = changed_at
        leaves.append(entry(own_actor(person.id), Event.UNLOCK_REWRAPPED, subject=person.id, basis=Basis.RULE))
    has_second_factor = person.totp_seed is not None
    if has_second_factor and devices.is_trusted(session, at, person_id=person.id, token=device.trusted):
        started, more = start_session(
            session, at, person, key_version=version, seed=seed, device=device, password_given_at=at.now()
        )
        record_all(session, at, [*leaves, *more])
        return started
    pending = start_pending(
        session,
        at,
        person_id=person.id,
        key_version=version,
        seed=seed,
        device_label=device.short_label,
        needs_enrolment=not has_second_factor,
        password_given_at=at.now(),
    )
    if leaves:
        record_all(session, at, leaves)
    return pending
