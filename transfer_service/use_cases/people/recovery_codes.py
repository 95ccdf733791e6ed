"""Recovery codes: shown once, confirmed by retyping two groups, good for one use.

While a code waits to be confirmed it is kept sealed to the person's own key, so that the page can be shown again and
two groups compared; the service stores nothing that it could itself read.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.recovery_codes import GROUPS, RECOVERY_CODE_KDF, RecoveryCode, same_group
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Person, Unlock
from transfer_service.db.queries import people as people_queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import Invalid, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import UnlockKind
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.alerting import alert_person, alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.held_forms import drop_kept, find_kept, keep_for_person, open_kept
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.people.person_keys import add_unlock, check_is_current, open_unlock
from transfer_service.use_cases.people.session_keys import open_seed
from transfer_service.use_cases.people.session_rows import get_live
from transfer_service.use_cases.recording import entry, record

NO_CODE_WAITS: Final = "no_code_waits"
_KEPT: Final = "recovery-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """A recovery code for its one showing, and which two of its groups are asked for, counted from 0."""

    groups: tuple[str, ...] = field(repr=False)
    asked: tuple[int, int]


def issue_recovery_code(session: Session, at: Installation, actor: Actor, *, cookie: bytes) -> ShownCode:
    """Make a recovery code for the actor, or show again the one that waits to be confirmed.

    The code in use before stays good until the new one is confirmed. Raises NeedsPassword, SessionEnded.
    """
    row = get_live(session, at, cookie)
    seed = open_seed(at, row, cookie)
    check_password_is_recent(session, at, actor)
    waiting = _find_waiting(session, at, actor.person_id, PersonKey.from_seed(seed))
    if waiting is not None:
        return _shown(*waiting)
    _drop_unconfirmed(session, actor.person_id)
    code = RecoveryCode.generate()
    unlock = add_unlock(
        session,
        at,
        person_id=actor.person_id,
        key_version=row.key_version,
        seed=seed,
        kind=UnlockKind.RECOVERY_CODE,
        parameters=_parameters(code),
        wrapping_key=code.wrapping_key(),
    )
    keep_for_person(
        session, at, person_id=actor.person_id, label=_KEPT, body=unlock.id.bytes + code.text.encode("ascii")
    )
    record(session, at, actor, Event.RECOVERY_CODE_ISSUED, subject=unlock.id)
    return _shown(unlock, code)


def confirm_recovery_code(
    session: Session, at: Installation, actor: Actor, *, person_key: PersonKey, retyped: tuple[str, str]
) -> None:
    """Take two retyped groups as proof that the code was written down; from now on it is the one that works.

    Raises Invalid where they are not those that were asked for, RuleForbids where no code waits any more.
    """
    waiting = _find_waiting(session, at, actor.person_id, person_key)
    if waiting is None:
        raise RuleForbids(
            NO_CODE_WAITS, "There is no recovery code to confirm. Make a new one and write it down again."
        )
    unlock, code = waiting
    wrong = {
        f"group_{place}": [f"This is not group {place + 1} of your recovery code. Look at what you wrote down"]
        for place, typed in zip(asked_groups(unlock.id), retyped, strict=True)
        if not same_group(code.groups[place], typed)
    }
    if wrong:
        raise Invalid(wrong)
    unlock.confirmed_at = at.now()
    session.execute(
        delete(Unlock).where(
            Unlock.person_id == actor.person_id, Unlock.kind == UnlockKind.RECOVERY_CODE, Unlock.id != unlock.id
        )
    )
    drop_kept(session, person_id=actor.person_id, label=_KEPT)
    record(session, at, actor, Event.RECOVERY_CODE_CONFIRMED, subject=unlock.id)


def get_asked_groups(session: Session, at: Installation, actor: Actor, *, person_key: PersonKey) -> tuple[int, int]:
    """Return which two groups of the waiting code are asked for, counted from 0; RuleForbids where none waits."""
    waiting = _find_waiting(session, at, actor.person_id, person_key)
    if waiting is None:
        raise RuleForbids(NO_CODE_WAITS, "There is no recovery code to confirm. Make a new one and write it down.")
    return asked_groups(waiting[0].id)


def has_confirmed_code(session: Session, person_id: UUID) -> bool:
    """Tell whether a person has a recovery code that was confirmed and not used."""
    return (
        session.scalar(
            select(Unlock.id)
            .where(
                Unlock.person_id == person_id,
                Unlock.kind == UnlockKind.RECOVERY_CODE,
                Unlock.confirmed_at.is_not(None),
                Unlock.used_at.is_(None),
            )
            .limit(1)
        )
        is not None
    )


def open_with_recovery_code(
    session: Session, at: Installation, person_id: UUID, typed: str
) -> tuple[Unlock, Seed] | None:
    """Find and open what a code unlocks; None where it is not a live code of this person.

    The row is found by an output of the code, not by trying. Raises Invalid where the code was mistyped, CannotOpen
    where the row was damaged.
    """
    try:
        code = RecoveryCode.from_text(typed)
    except CryptoError as error:
        raise Invalid({"recovery_code": [str(error)]}) from None
    unlock = session.scalar(
        select(Unlock).where(
            Unlock.person_id == person_id,
            Unlock.kind == UnlockKind.RECOVERY_CODE,
            Unlock.parameters == _parameters(code),
            Unlock.confirmed_at.is_not(None),
            Unlock.used_at.is_(None),
        )
    )
    if unlock is None:
        return None
    seed = open_unlock(at, unlock, code.wrapping_key())
    check_is_current(session, at, person_id, seed, unlock.key_version)
    return unlock, seed


def use_up(session: Session, at: Installation, actor: Actor, person: Person, unlock_id: UUID) -> list[Entry]:
    """Let a code serve once: tell the person and the key holders of each of the person's schools, return its leaf.

    A code that the same sign-in used up before, to reset the password, is not used up again: no leaf.
    """
    unlock = session.get_one(Unlock, unlock_id)
    if unlock.used_at is not None:
        return []
    unlock.used_at = at.now()
    alert_person(session, at, AlertKind.RECOVERY_CODE_USED, person)
    for school_id in people_queries.list_schools_held(session, person.id):
        alert_school(session, at, AlertKind.RECOVERY_CODE_USED, school_id)
    return [entry(actor, Event.RECOVERY_CODE_USED, subject=unlock.id, basis=Basis.RECOVERY_CODE)]


def asked_groups(unlock_id: UUID) -> tuple[int, int]:
    """Return which two groups are asked for: drawn from the row's random id, the same at each showing."""
    first = unlock_id.bytes[-1] % GROUPS
    second = unlock_id.bytes[-2] % (GROUPS - 1)
    second += second >= first
    return min(first, second), max(first, second)


def _find_waiting(
    session: Session, at: Installation, person_id: UUID, person_key: PersonKey
) -> tuple[Unlock, RecoveryCode] | None:
    kept = find_kept(session, at, person_id=person_id, label=_KEPT)
    body = open_kept(at, kept, person_key) if kept is not None else None
    if body is None:
        return None
    unlock = session.get(Unlock, UUID(bytes=body[:16]))
    if unlock is None or unlock.person_id != person_id or unlock.confirmed_at is not None:
        return None
    return unlock, RecoveryCode.from_text(body[16:].decode("ascii"))


def _drop_unconfirmed(session: Session, person_id: UUID) -> None:
    drop_kept(session, person_id=person_id, label=_KEPT)
    session.execute(
        delete(Unlock).where(
            Unlock.person_id == person_id, Unlock.kind == UnlockKind.RECOVERY_CODE, Unlock.confirmed_at.is_(None)
        )
    )


def _parameters(code: RecoveryCode) -> str:
    return f"{RECOVERY_CODE_KDF}${base64.b64encode(code.lookup).decode().rstrip('=')}"


def _shown(unlock: Unlock, code: RecoveryCode) -> ShownCode:
    return ShownCode(groups=code.groups, asked=asked_groups(unlock.id))
