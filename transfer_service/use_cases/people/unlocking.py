"""The key of the person behind a live session, for as long as one request."""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.session_keys import open_seed
from transfer_service.use_cases.people.session_rows import get_live


def open_person_key(session: Session, at: Installation, *, cookie: bytes) -> PersonKey:
    """Unwrap the person's key with the cookie; one statement. Raises SessionEnded."""
    return PersonKey.from_seed(open_seed(at, get_live(session, at, cookie), cookie))
