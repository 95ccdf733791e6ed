"""A sign-in that waits for its second factor, as its pages need to know it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from transfer_service.db.models import Person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import devices
from transfer_service.use_cases.people.backup_code_rows import count_backup_codes
from transfer_service.use_cases.people.session_rows import get_pending


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """What may happen next in a sign-in whose password was right."""

    has_second_factor: bool
    may_trust_device: bool
    """Whether this browser may be trusted for 30 days: school office staff and head teachers alone."""
    next_backup_code: int | None
    """The place on the sheet of the first backup code that was not used; None for whoever has none."""


def get_pending_sign_in(session: Session, at: Installation, *, cookie: bytes) -> PendingSignIn:
    """Return what the sign-in behind a cookie waits for; raises SessionEnded where none does."""
    row = get_pending(session, at, cookie)
    person = session.get_one(Person, row.person_id)
    return PendingSignIn(
        has_second_factor=person.totp_seed is not None,
        may_trust_device=devices.may_trust(session, row.person_id),
        next_backup_code=count_backup_codes(session, at, row.person_id).next_number,
    )
