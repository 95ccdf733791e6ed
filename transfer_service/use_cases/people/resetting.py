"""A forgotten password: the mailed link restores signing in; only a recovery code beside it restores reading.

Without one the person gets a new key, and what the old one held is gone: a colleague has to grant the school's key
again, or an officer to approve a school's only holder anew (docs/keys.md, rules 4 and 7).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Person, Unlock
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import SignInRefused
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.changing_password import context_words
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.people.passwords import PasswordWork, check_new_password
from transfer_service.use_cases.people.person_keys import set_password
from transfer_service.use_cases.people.recovery_codes import open_with_recovery_code, use_up
from transfer_service.use_cases.people.replacing_key import replace_key
from transfer_service.use_cases.people.reset_links import get_person_of_token
from transfer_service.use_cases.people.second_factor import WRONG_RECOVERY_CODE, offer_in_place_of_lost
from transfer_service.use_cases.people.session_keys import StartedSession, start_pending
from transfer_service.use_cases.people.session_rows import end_sessions_of, own_actor
from transfer_service.use_cases.people.signing_in import count_wrong, own_counters
from transfer_service.use_cases.recording import entry, record_all


def reset_password(
    database: Database, at: Installation, work: PasswordWork, *, token: str, password: str, device: Device
) -> None:
    """Set a new password with a mailed link alone: the person can sign in again, and read nothing until granted.

    The one-time code is asked for as ever. Raises RuleForbids for a link that is over, Invalid, Unavailable.
    """
    parameters, keys = _derive(database, at, work, token=token, password=password, device=device)
    with database.writing() as session:
        person = _lock_person_of_token(session, at, token)
        attempts.hold_counters(session, at, own_counters(at, person, device))
        new = replace_key(session, at, person, parameters=parameters, keys=keys)
        alert_person(session, at, AlertKind.PASSWORD_CHANGED, person)
        was_reset = entry(own_actor(person.id), Event.PASSWORD_RESET, subject=person.id)
        record_all(session, at, [*new.leaves, was_reset])


def reset_password_with_code(
    database: Database,
    at: Installation,
    work: PasswordWork,
    *,
    token: str,
    password: str,
    recovery_code: str,
    device: Device,
    lost_device: bool = False,
) -> StartedSession | None:
    """Set a new password with a mailed link and a recovery code: the key stays, and with it all that it opens.

    Where the device for codes is lost too, returns the session in which another is set up; else None, and the person
    signs in. The code is used up. Raises as `reset_password`, and SignInRefused for a code that is not a live one.
    """
    parameters, keys = _derive(database, at, work, token=token, password=password, device=device)
    with database.writing() as session:
        person = _lock_person_of_token(session, at, token)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        opened = open_with_recovery_code(session, at, person.id, recovery_code)
        if opened is not None:
            unlock, seed = opened
            leaves = _keep_key(session, at, person, unlock=unlock, seed=seed, parameters=parameters, keys=keys)
            started = _start_enrolment(session, at, unlock, seed, device) if lost_device else None
            record_all(session, at, leaves)
            return started
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_RECOVERY_CODE)


def _lock_person_of_token(session: Session, at: Installation, token: str) -> Person:
    """Return the person of a link, locked; the link is judged by the row as it is once the lock is held.

    Of two requests with one link the second would else find the password that the first has just replaced.
    """
    lock_person(session, get_person_of_token(session, at, token).id)
    return get_person_of_token(session, at, token)


def _derive(
    database: Database, at: Installation, work: PasswordWork, *, token: str, password: str, device: Device
) -> tuple[KdfParameters, PasswordKeys]:
    with database.reading() as session:
        person = get_person_of_token(session, at, token)
        attempts.check_not_locked(session, at, own_counters(at, person, device))
        words = context_words(session, person)
    check_new_password(password, context_words=words)
    parameters = work.new_parameters()
    return parameters, work.derive(password, parameters)


def _keep_key(
    session: Session,
    at: Installation,
    person: Person,
    *,
    unlock: Unlock,
    seed: Seed,
    parameters: KdfParameters,
    keys: PasswordKeys,
) -> list[Entry]:
    actor = own_actor(person.id)
    set_password(session, at, person, key_version=unlock.key_version, seed=seed, parameters=parameters, keys=keys)
    used = use_up(session, at, actor, person, unlock.id)
    ended = end_sessions_of(session, at, actor, person_id=person.id)
    alert_person(session, at, AlertKind.PASSWORD_CHANGED, person)
    return [*used, *ended, entry(actor, Event.PASSWORD_RESET, subject=person.id, basis=Basis.RECOVERY_CODE)]


def _start_enrolment(session: Session, at: Installation, unlock: Unlock, seed: Seed, device: Device) -> StartedSession:
    started = start_pending(
        session,
        at,
        person_id=unlock.person_id,
        key_version=unlock.key_version,
        seed=seed,
        device_label=device.short_label,
        needs_enrolment=True,
        password_given_at=at.now(),
    )
    offer_in_place_of_lost(session, at, started, recovery_unlock_id=unlock.id)
    return started
