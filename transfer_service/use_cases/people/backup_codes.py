"""Backup codes: ten on a sheet of paper, each good once at sign-in in place of a code of the authenticator app.

They stand for the second factor alone. They open no key, replace no device and are no recovery code. What is stored
of one is a keyed hash. New ones wait, sealed to their owner's key, until the owner says that they are kept; until then
the old ones work. Source of the rules: NIST SP 800-63B, look-up secrets (drawn at random, prompted for in order, used
once, limited attempts).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.crypto.backup_codes import BackupCode
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import BackupCodeHash
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import Invalid, RuleForbids, SignInRefused
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.backup_code_rows import (
    KEPT,
    count_backup_codes,
    end_backup_codes,
)
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.held_forms import drop_kept, find_kept, keep_for_person, open_kept
from transfer_service.use_cases.people.locking import lock_pending, lock_person
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.people.session_keys import StartedSession, open_seed
from transfer_service.use_cases.people.session_rows import get_live, own_actor
from transfer_service.use_cases.people.signing_in import count_wrong, own_counters
from transfer_service.use_cases.people.starting import replace_pending
from transfer_service.use_cases.recording import entry, record_all

HOW_MANY: Final = 10
WRONG_BACKUP_CODE: Final = "The backup code is not right, or it was used already. Check it and try again."
NO_CODES_WAIT: Final = "no_backup_codes_wait"


def issue_backup_codes(session: Session, at: Installation, actor: Actor, *, cookie: bytes) -> tuple[str, ...]:
    """Make ten codes for the actor, or show again those that wait to be confirmed.

    Nothing is changed by it: the codes in use before stay good until the new ones are confirmed. Raises
    NeedsPassword, SessionEnded.
    """
    lock_person(session, actor.person_id)
    row = get_live(session, at, cookie)
    check_password_is_recent(session, at, actor)
    waiting = _find_waiting(session, at, actor.person_id, PersonKey.from_seed(open_seed(at, row, cookie)))
    if waiting is None:
        waiting = tuple(BackupCode.generate() for _ in range(HOW_MANY))
        drop_kept(session, person_id=actor.person_id, label=KEPT)
        body = "\n".join(code.text for code in waiting).encode("ascii")
        keep_for_person(session, at, person_id=actor.person_id, label=KEPT, body=body)
    return tuple(code.text for code in waiting)


def confirm_backup_codes(session: Session, at: Installation, actor: Actor, *, person_key: PersonKey) -> None:
    """Let the codes that wait work from now on, and the old ones no more, because their owner has kept them.

    Raises RuleForbids where none wait any more.
    """
    person = lock_person(session, actor.person_id)
    waiting = _find_waiting(session, at, person.id, person_key)
    if waiting is None:
        raise RuleForbids(NO_CODES_WAIT, "There are no backup codes to confirm. Have new ones shown, and keep those.")
    leaves = end_backup_codes(session, actor, person_id=person.id, basis=Basis.ROLE)
    session.add_all(
        BackupCodeHash(
            id=at.new_id(),
            person_id=person.id,
            number=number,
            hash=at.field_keys.hash_backup_code(person.id, code),
            made_at=at.now(),
        )
        for number, code in enumerate(waiting, start=1)
    )
    alert_person(session, at, AlertKind.BACKUP_CODES_MADE, person)
    made = entry(actor, Event.BACKUP_CODES_MADE, subject=person.id, basis=Basis.ROLE)
    record_all(session, at, [*leaves, made])


def finish_sign_in_with_backup_code(
    database: Database, at: Installation, *, cookie: bytes, backup_code: str, device: Device
) -> StartedSession:
    """Take a backup code in place of the one-time code, and replace the five-minute session by a whole one.

    Raises SessionEnded, TooManyAttempts, Invalid where it was mistyped, SignInRefused for a wrong or used one.
    """
    try:
        code = BackupCode.from_text(backup_code)
    except CryptoError as error:
        raise Invalid({"backup_code": [str(error)]}) from None
    with database.writing() as session:
        pending, person = lock_pending(session, at, cookie)
        counters = own_counters(at, person, device)
        attempts.hold_counters(session, at, counters)
        seed = open_seed(at, pending, cookie)
        row = _find_unused(session, at, person.id, code) if person.totp_seed is not None else None
        if row is not None:
            row.hash, row.used_at = None, at.now()
            session.flush()
            left = count_backup_codes(session, at, person.id).left
            alert_person(session, at, AlertKind.BACKUP_CODE_USED, person)
            started, leaves = replace_pending(session, at, person, pending=pending, seed=seed, device=device)
            actor = own_actor(person.id, started.session_id)
            used = entry(actor, Event.BACKUP_CODE_USED, subject=row.id, basis=Basis.ROLE, detail=_say_left(left))
            record_all(session, at, [used, *leaves])
            return started
        count_wrong(session, at, counters, person=person)
    raise SignInRefused(WRONG_BACKUP_CODE)


def _say_left(left: int) -> dict[str, object]:
    return tell(f"{left} backup codes are left." if left != 1 else "1 backup code is left.", left=str(left))


def _find_unused(session: Session, at: Installation, person_id: UUID, code: BackupCode) -> BackupCodeHash | None:
    """Return the row of a code that was not used. Every row is compared, so that the time says nothing of the place."""
    unused = session.scalars(
        select(BackupCodeHash).where(BackupCodeHash.person_id == person_id, BackupCodeHash.hash.is_not(None))
    ).all()
    matching = [
        row for row in unused if row.hash is not None and at.field_keys.is_backup_code(row.hash, person_id, code)
    ]
    return matching[0] if matching else None


def _find_waiting(
    session: Session, at: Installation, person_id: UUID, person_key: PersonKey
) -> tuple[BackupCode, ...] | None:
    kept = find_kept(session, at, person_id=person_id, label=KEPT)
    body = open_kept(at, kept, person_key) if kept is not None else None
    if body is None:
        return None
    return tuple(BackupCode.from_text(line) for line in body.decode("ascii").split("\n"))
