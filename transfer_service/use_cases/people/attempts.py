"""Limits on guessing, per account and per address, both known to the database by a keyed hash alone.

An account that does not exist counts and locks like one that does. One leaf for each lockout, none for each attempt.

A browser with which a person has signed in before is counted by itself: else anybody who knows the mail address of a
safeguarding lead could keep her out with ten wrong passwords a quarter of an hour, and pupils behind a school's one
address everybody. Source of the rule: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.db.models import Person, SignInAttempt
from transfer_service.db.queries.people import tidy_email
from transfer_service.domain.errors import TooManyAttempts
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.devices import Device, find_own_mark
from transfer_service.use_cases.recording import entry


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures within `window` lock for `lock`."""

    failures: int
    window: timedelta
    lock: timedelta


ACCOUNT_LIMIT: Final = Limit(10, timedelta(minutes=15), timedelta(minutes=15))
ADDRESS_LIMIT: Final = Limit(100, timedelta(minutes=15), timedelta(minutes=15))
"""A school's staff share one address."""
RESET_LIMIT: Final = Limit(3, timedelta(hours=1), timedelta(hours=1))
"""Links to reset a password, so that nobody's mailbox can be flooded."""
INVITATION_LIMIT: Final = Limit(10, timedelta(hours=1), timedelta(hours=1))
"""Invitations to one mailbox, whoever sends them."""
LOCK_MAIL_LIMIT: Final = Limit(4, timedelta(days=1), timedelta(days=1))
"""Mails that an account is locked: who goes on guessing must not fill the mailbox of the one whom it is told to."""
RESET_ADDRESS_LIMIT: Final = Limit(30, timedelta(hours=1), timedelta(hours=1))
"""Such links asked for from one network address, so that nobody can try a whole list of mailboxes."""


Counters: TypeAlias = tuple[tuple[bytes, Limit], ...]
"""Under what one guess is counted, each with its limit."""


def counters_of(at: Installation, *, email: str, person: Person | None, device: Device) -> Counters:
    """Return under what a guess at an account is counted: account and network address, or a known browser alone."""
    mark = find_own_mark(at, person, device.marks) if person is not None else None
    if mark is not None:
        return ((at.field_keys.hash_address(f"browser:{tidy_email(email)}:{mark}"), ACCOUNT_LIMIT),)
    return (account_subject(at, email), ACCOUNT_LIMIT), (address_subject(at, device.address), ADDRESS_LIMIT)


def account_subject(at: Installation, email: str) -> bytes:
    """Return what failures for one e-mail address are counted under."""
    return at.field_keys.hash_address(f"account:{tidy_email(email)}")


def address_subject(at: Installation, address: str) -> bytes:
    """Return what failures from one network address are counted under; IPv6 by its /64, which one household has."""
    return at.field_keys.hash_address(_name_address(address))


def reset_subject(at: Installation, email: str) -> bytes:
    """Return what requests to reset one account's password are counted under."""
    return at.field_keys.hash_address(f"reset:{tidy_email(email)}")


def count_reset_from(session: Session, at: Installation, *, address: str) -> None:
    """Count one request to reset a password for the network address, whichever account it is for.

    Raises TooManyAttempts past the limit: it says nothing about any account.
    """
    subject = at.field_keys.hash_address("reset-" + _name_address(address))
    _refuse_locked(at, [_lock_row(session, at, subject).locked_until])
    count(session, at, subject=subject, limit=RESET_ADDRESS_LIMIT)


def count_invitation(session: Session, at: Installation, *, email: str) -> None:
    """Count one invitation to a mailbox; raises TooManyAttempts past the limit."""
    subject = at.field_keys.hash_address(f"invitation:{tidy_email(email)}")
    _refuse_locked(at, [_lock_row(session, at, subject).locked_until])
    count(session, at, subject=subject, limit=INVITATION_LIMIT)


def check_not_locked(session: Session, at: Installation, counters: Counters) -> None:
    """Raise TooManyAttempts where one of the counters is locked; the same for accounts that do not exist."""
    subjects = [subject for subject, _ in counters]
    _refuse_locked(
        at, session.scalars(select(SignInAttempt.locked_until).where(SignInAttempt.subject.in_(subjects))).all()
    )


def hold_counters(session: Session, at: Installation, counters: Counters) -> None:
    """Ask again whether one of the counters is locked, and let no other guess be judged until the commit.

    A password takes long to derive: guesses that were derived side by side would else all pass the first question,
    and be counted when it is too late. Lock the person first, where there is one. Raises TooManyAttempts.
    """
    _refuse_locked(at, [_lock_row(session, at, subject).locked_until for subject, _ in counters])


def count_failure(session: Session, at: Installation, counters: Counters, *, person_id: UUID | None) -> list[Entry]:
    """Count one failure under each counter; returns the leaf of each lockout that it causes."""
    leaves = []
    for subject, limit in counters:
        if count(session, at, subject=subject, limit=limit):
            who = person_id if limit is ACCOUNT_LIMIT else None
            leaves.append(entry(None, Event.SIGN_IN_LOCKED, subject=who, basis=Basis.TOO_MANY_ATTEMPTS))
    return leaves


def may_tell_of_lock(session: Session, at: Installation, *, email: str) -> bool:
    """Count one mail about a locked account; False where the mailbox had enough of them within a day."""
    subject = at.field_keys.hash_address(f"lock-mail:{tidy_email(email)}")
    if is_locked(session, at, subject=subject):
        return False
    count(session, at, subject=subject, limit=LOCK_MAIL_LIMIT)
    return True


def count(session: Session, at: Installation, *, subject: bytes, limit: Limit) -> bool:
    """Count one attempt; returns whether it is the one that locks."""
    now = at.now()
    row = _lock_row(session, at, subject)
    if row.locked_until is not None and row.locked_until > now:
        return False
    if row.failures == 0 or row.locked_until is not None or now - row.window_started_at >= limit.window:
        row.failures, row.window_started_at, row.locked_until = 0, now, None
    row.failures += 1
    if row.failures < limit.failures:
        return False
    row.locked_until = now + limit.lock
    return True


def is_locked(session: Session, at: Installation, *, subject: bytes) -> bool:
    """Tell whether this subject is locked now, and let nobody else count under it until the commit."""
    until = _lock_row(session, at, subject).locked_until
    return until is not None and until > at.now()


def forget_failures(session: Session, counters: Counters) -> None:
    """Forget an account's or a known browser's failures after a whole sign-in; an address keeps its own."""
    forgotten = [subject for subject, limit in counters if limit is ACCOUNT_LIMIT]
    session.execute(delete(SignInAttempt).where(SignInAttempt.subject.in_(forgotten)))


def _name_address(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "address:unknown"
    if parsed.version == 6:
        mapped = parsed.ipv4_mapped
        return f"address:{mapped or ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address:{parsed}"


def _refuse_locked(at: Installation, locks: Iterable[datetime | None]) -> None:
    until = max((lock for lock in locks if lock is not None and lock > at.now()), default=None)
    if until is not None:
        raise TooManyAttempts(_seconds_until(until, at.now()))


def _lock_row(session: Session, at: Installation, subject: bytes) -> SignInAttempt:
    """Return a subject's counter, locked; one that was never counted is made, for only what is there can be locked.

    One statement: between an insert and a lock a sign-in that succeeds might delete the row.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = (
        insert(SignInAttempt)
        .values(subject=subject, failures=0, window_started_at=at.now(), locked_until=None)
        .on_conflict_do_update(index_elements=["subject"], set_={"subject": subject})
        .returning(SignInAttempt)
    )
    return session.scalars(made, execution_options={"populate_existing": True}).one()


def _seconds_until(until: datetime, now: datetime) -> int:
    return max(1, -(-(until - now) // timedelta(seconds=1)))
