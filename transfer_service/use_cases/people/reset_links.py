"""The link that a forgotten password is reset with. Nothing is stored: it is made again to be checked.

It holds the person's id, its end, and a keyed hash over both and the present password's verifier, so that it works
once, for an hour, and for no other account.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Person
from transfer_service.db.queries import people as people_queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import RuleForbids
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.addresses import check_email

RESET_LASTS: Final = timedelta(hours=1)
RESET_PATH: Final = "/password/reset/"
"""The link in the mail is the service's address, this path and the token."""
_LENGTH: Final = 16 + 8 + 32


def request_password_reset(session: Session, at: Installation, *, email: str, address: str) -> None:
    """Mail a link to whoever has an account under this address; the same for everybody else but for the mail.

    At most three links an hour for an account; more are left unsent without a word. `address` is the network address
    of whoever asks: past its own limit TooManyAttempts is raised, whether or not there is such an account. Raises
    Invalid for what is no e-mail address.
    """
    mailbox = check_email(email)
    attempts.count_reset_from(session, at, address=address)
    subject = attempts.reset_subject(at, mailbox)
    if attempts.is_locked(session, at, subject=subject):
        return
    attempts.count(session, at, subject=subject, limit=attempts.RESET_LIMIT)
    person = people_queries.find_person_by_email(session, mailbox)
    if person is not None and person.password_verifier is not None:
        alert_person(session, at, AlertKind.PASSWORD_RESET, person, secret=RESET_PATH + make_token(at, person))


def make_token(at: Installation, person: Person) -> str:
    """Return the token of a link that works for an hour from now, until the password is changed."""
    ends_at = int((at.now() + RESET_LASTS).timestamp())
    head = person.id.bytes + ends_at.to_bytes(8, "big")
    return base64.urlsafe_b64encode(head + _hash(at, head, person)).decode().rstrip("=")


def get_person_of_token(session: Session, at: Installation, token: str) -> Person:
    """Return whose password a link resets; raises RuleForbids where it was used, is over, or never was one."""
    raw = _read(token)
    if raw is not None:
        head, made = raw[:24], raw[24:]
        person = session.get(Person, UUID(bytes=head[:16]))
        ends_at = datetime.fromtimestamp(min(int.from_bytes(head[16:], "big"), 2**35), tz=UTC)
        if person is not None and hmac.compare_digest(made, _hash(at, head, person)) and at.now() < ends_at:
            return person
    raise RuleForbids(
        "reset_link_over", "This link does not work any more. Ask for a new one under “I forgot my password”."
    )


def is_link_over(session: Session, at: Installation, token: str) -> bool:
    """Tell whether a link that the service once made works no more; False for what never was one."""
    if _read(token) is None:
        return False
    try:
        get_person_of_token(session, at, token)
    except RuleForbids:
        return True
    return False


def _hash(at: Installation, head: bytes, person: Person) -> bytes:
    return at.field_keys.keyed_hash("password-reset", head + (person.password_verifier or b""))


def _read(token: str) -> bytes | None:
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _LENGTH else None
