"""Setting up the authenticator app: at first, in place of a lost one with a recovery code, or of an old one.

Until a first code of it was typed, a new seed is kept sealed to the person's own key and bound to the session that
asked for it; what was there before stays as it is. So a sign-in that is given up half-way changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Person, SignInSession
from transfer_service.db.queries import people as people_queries
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import RuleForbids, SessionEnded, SignInRefused
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.alerting import alert_person, alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts, one_time_codes
from transfer_service.use_cases.people.backup_code_rows import end_backup_codes
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.held_forms import drop_kept, find_kept, keep_for_person, open_kept
from transfer_service.use_cases.people.locking import lock_pending, lock_person
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.people.recovery_codes import open_with_recovery_code, use_up
from transfer_service.use_cases.people.session_keys import StartedSession, open_seed, start_pending
from transfer_service.use_cases.people.session_rows import end_sessions_of, find_row, get_live, is_live, own_actor
from transfer_service.use_cases.people.signing_in import WRONG_CODE, count_wrong, own_counters
from transfer_service.use_cases.people.starting import replace_pending
from transfer_service.use_cases.recording import entry, record_all

WRONG_RECOVERY_CODE: Final = "The recovery code is not right, or it was used already. Check it and try again."
_KEPT: Final = "second-factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorOffer:
    """What an authenticator app needs: the seed to type, and the address that a QR code holds."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A seed that waits for its first code."""

    secret: str = field(repr=False)
    session_id: UUID
    recovery_unlock_id: UUID | None
    """The recovery code that this is instead of a lost device for; None for a first or a changed one."""


def prepare_second_factor(session: Session, at: Installation, *, cookie: bytes) -> SecondFactorOffer:
    """Return the seed for an authenticator app that is to be set up.

    For whoever is signing in for the first time, or has proven the loss of the old app with a recovery code, or is
    signed in and gave the password just now. The same at each call of one session. Raises SessionEnded,
    NeedsPassword, RuleForbids where the person has a second factor and has to use it.
    """
    row, person = _lock_row(session, at, cookie)
    kept = _find_kept(session, at, row, PersonKey.from_seed(open_seed(at, row, cookie)))
    if kept is None:
        if row.stage is SessionStage.PASSWORD_GIVEN and person.totp_seed is not None:
            raise RuleForbids(
                "second_factor_exists",
                "Enter the code from your authenticator app, or your recovery code if you lost it.",
            )
        kept = _keep(session, at, person_id=row.person_id, session_id=row.id, recovery_unlock_id=None)
    return SecondFactorOffer(secret=kept.secret, uri=one_time_codes.enrolment_uri(kept.secret, person.email))


def use_recovery_code(
    database: Database, at: Installation, *, cookie: bytes, recovery_code: str, device: Device
) -> StartedSession:
    """Take a recovery code in place of a lost second factor; returns the session in which a new one is set up.

    The code is used up, and colleagues are told, when the new one is confirmed. Raises SessionEnded, TooManyAttempts,
    Invalid where it was mistyped, SignInRefused where it is not a live code of this person.
    """
    with database.writing() as session:
        row, person = lock_pending(session, at, cookie)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        opened = open_with_recovery_code(session, at, person.id, recovery_code)
        if opened is not None:
            unlock, seed = opened
            session.delete(row)
            started = start_pending(
                session,
                at,
                person_id=person.id,
                key_version=unlock.key_version,
                seed=seed,
                device_label=device.short_label,
                needs_enrolment=True,
                password_given_at=row.password_given_at,
            )
            offer_in_place_of_lost(session, at, started, recovery_unlock_id=unlock.id)
            return started
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_RECOVERY_CODE)


def confirm_second_factor(
    database: Database, at: Installation, *, cookie: bytes, code: str, device: Device
) -> StartedSession:
    """Take the first code of a new authenticator app: it is set up, and the sign-in is complete.

    Raises SessionEnded, TooManyAttempts, SignInRefused for a wrong code, RuleForbids where none waits.
    """
    with database.writing() as session:
        row, person = lock_pending(session, at, cookie)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        seed = open_seed(at, row, cookie)
        kept = _get_kept(session, at, row, seed)
        if _take_first_code(at, person, kept, code):
            is_first = kept.recovery_unlock_id is None
            leaves = _finish(session, at, person, kept)
            started, more = replace_pending(
                session, at, person, pending=row, seed=seed, device=device, is_first=is_first
            )
            record_all(session, at, [*leaves, *more])
            return started
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_CODE)


def change_second_factor(
    database: Database, at: Installation, actor: Actor, *, cookie: bytes, code: str, device: Device
) -> None:
    """Take the first code of a new app from somebody who is signed in; the old app and all other sessions are over.

    Raises SessionEnded, NeedsPassword, TooManyAttempts, SignInRefused, RuleForbids where none waits.
    """
    with database.writing() as session:
        row, person = _lock_row(session, at, cookie)
        if row.id != actor.session_id:
            raise SessionEnded
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        kept = _get_kept(session, at, row, open_seed(at, row, cookie))
        if _take_first_code(at, person, kept, code):
            drop_kept(session, person_id=person.id, label=_KEPT)
            _tell_of_replacement(session, at, person)
            ended = end_sessions_of(session, at, actor, person_id=person.id, besides=row.id)
            codes = end_backup_codes(session, actor, person_id=person.id, basis=Basis.ROLE)
            replaced = entry(actor, Event.SECOND_FACTOR_REPLACED, subject=person.id, basis=Basis.ROLE)
            record_all(session, at, [replaced, *codes, *ended])
            return
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_CODE)


def offer_in_place_of_lost(
    session: Session, at: Installation, started: StartedSession, *, recovery_unlock_id: UUID
) -> None:
    """Let a short session, begun with a recovery code, set up a new second factor in place of a lost one."""
    _keep(
        session,
        at,
        person_id=started.person_id,
        session_id=started.session_id,
        recovery_unlock_id=recovery_unlock_id,
    )


def _lock_row(session: Session, at: Installation, cookie: bytes) -> tuple[SignInSession, Person]:
    row = find_row(session, cookie)
    if row is None or not is_live(row, at.now()):
        return lock_pending(session, at, cookie)
    person = lock_person(session, row.person_id)
    row = get_live(session, at, cookie, lock=True)
    check_password_is_recent(session, at, own_actor(row.person_id, row.id))
    return row, person


def _keep(
    session: Session, at: Installation, *, person_id: UUID, session_id: UUID, recovery_unlock_id: UUID | None
) -> _Kept:
    kept = _Kept(secret=one_time_codes.new_secret(), session_id=session_id, recovery_unlock_id=recovery_unlock_id)
    drop_kept(session, person_id=person_id, label=_KEPT)
    body = json.dumps(
        {
            "secret": kept.secret,
            "session": str(kept.session_id),
            "unlock": str(recovery_unlock_id) if recovery_unlock_id else None,
        }
    )
    keep_for_person(session, at, person_id=person_id, label=_KEPT, body=body.encode())
    return kept


def _find_kept(session: Session, at: Installation, row: SignInSession, person_key: PersonKey) -> _Kept | None:
    """Return the seed that this very session may set up; one of another session is not found."""
    found = find_kept(session, at, person_id=row.person_id, label=_KEPT)
    body = open_kept(at, found, person_key) if found is not None else None
    if body is None:
        return None
    read = json.loads(body)
    if read["session"] != str(row.id):
        return None
    return _Kept(
        secret=read["secret"],
        session_id=row.id,
        recovery_unlock_id=UUID(read["unlock"]) if read["unlock"] else None,
    )


def _get_kept(session: Session, at: Installation, row: SignInSession, seed: Seed) -> _Kept:
    kept = _find_kept(session, at, row, PersonKey.from_seed(seed))
    if kept is None:
        raise RuleForbids("no_second_factor_waits", "Start setting up the authenticator app again.")
    return kept


def _take_first_code(at: Installation, person: Person, kept: _Kept, code: str) -> bool:
    step = one_time_codes.matching_step(kept.secret, code, now=at.now(), last_step=None)
    if step is None:
        return False
    one_time_codes.seal_secret(at, person, kept.secret)
    person.totp_last_step = step
    return True


def _finish(session: Session, at: Installation, person: Person, kept: _Kept) -> list[Entry]:
    """Use up the recovery code where there was one, and return what happened as leaves."""
    drop_kept(session, person_id=person.id, label=_KEPT)
    actor = own_actor(person.id, kept.session_id)
    if kept.recovery_unlock_id is None:
        return [entry(actor, Event.SECOND_FACTOR_ENROLLED, subject=person.id, basis=Basis.INVITATION)]
    _tell_of_replacement(session, at, person)
    replaced = entry(actor, Event.SECOND_FACTOR_REPLACED, subject=person.id, basis=Basis.RECOVERY_CODE)
    # A phone is often lost with the bag that the laptop is in: what is signed in or trusted there is so no more, and
    # the backup codes may have been in it too.
    codes = end_backup_codes(session, actor, person_id=person.id, basis=Basis.RECOVERY_CODE)
    ended = end_sessions_of(session, at, actor, person_id=person.id, besides=kept.session_id)
    return [*use_up(session, at, actor, person, kept.recovery_unlock_id), replaced, *codes, *ended]


def _tell_of_replacement(session: Session, at: Installation, person: Person) -> None:
    alert_person(session, at, AlertKind.SECOND_FACTOR_REPLACED, person)
    for school_id in people_queries.list_schools_held(session, person.id):
        alert_school(session, at, AlertKind.SECOND_FACTOR_REPLACED, school_id)
