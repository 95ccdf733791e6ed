"""Changing one's own password: the key stays, and is wrapped under the new one."""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.db.models import Person
from transfer_service.db.queries import people as people_queries
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import SignInRefused
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.people.passwords import PasswordWork, check_new_password
from transfer_service.use_cases.people.person_keys import open_with_password, set_password
from transfer_service.use_cases.people.session_rows import end_sessions_of
from transfer_service.use_cases.people.signing_in import (
    WRONG_PASSWORD,
    count_wrong,
    derive_own_password,
    get_own_session,
    is_right_password,
    own_counters,
)
from transfer_service.use_cases.recording import entry, record_all


def change_password(
    database: Database,
    at: Installation,
    work: PasswordWork,
    actor: Actor,
    *,
    old_password: str,
    new_password: str,
    device: Device,
) -> None:
    """Replace the password by a new one; all other sessions end, and a mail tells of it.

    Takes the database because passwords are derived between transactions. Raises SignInRefused where the old one is
    wrong, Invalid where the new one is not good enough, TooManyAttempts, Unavailable, SessionEnded.
    """
    with database.reading() as session:
        words = context_words(session, session.get_one(Person, actor.person_id))
    check_new_password(new_password, context_words=words)
    old = derive_own_password(database, at, work, actor, password=old_password, device=device)
    parameters = work.new_parameters()
    new = work.derive(new_password, parameters)
    with database.writing() as session:
        person = lock_person(session, actor.person_id)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        if is_right_password(person, old):
            record_all(session, at, _change(session, at, actor, person, old=old, parameters=parameters, new=new))
            return
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_PASSWORD)


def context_words(session: Session, person: Person) -> tuple[str, ...]:
    """Return the words that a person's password must not be made of: name, address, and where the person belongs."""
    rows = people_queries.list_memberships_of_person(session, person.id)
    places = [place.name for row in rows for place in (row.school, row.authority) if place is not None]
    return (person.name, person.email, *places)


def _change(
    session: Session,
    at: Installation,
    actor: Actor,
    person: Person,
    *,
    old: PasswordKeys,
    parameters: KdfParameters,
    new: PasswordKeys,
) -> list[Entry]:
    own = get_own_session(session, actor)
    version, seed = open_with_password(session, at, person, old)
    set_password(session, at, person, key_version=version, seed=seed, parameters=parameters, keys=new)
    own.password_given_at = at.now()
    ended = end_sessions_of(session, at, actor, person_id=person.id, besides=actor.session_id)
    alert_person(session, at, AlertKind.PASSWORD_CHANGED, person)
    return [*ended, entry(actor, Event.PASSWORD_CHANGED, subject=person.id, basis=Basis.ROLE)]
