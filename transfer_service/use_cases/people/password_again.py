"""Acts that ask for the password again although the person is signed in: granting keys, exporting all, recovery."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import SignInSession
from transfer_service.domain.errors import NeedsPassword
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation

VALID_FOR = timedelta(minutes=10)


def is_recent(given_at: datetime, now: datetime) -> bool:
    """Tell whether a password given then still counts as given just now."""
    return now - given_at < VALID_FOR


def check_password_is_recent(session: Session, at: Installation, actor: Actor) -> None:
    """Raise NeedsPassword unless the actor's own session was given the password within the last ten minutes."""
    given_at = session.scalar(
        select(SignInSession.password_given_at).where(
            SignInSession.id == actor.session_id, SignInSession.person_id == actor.person_id
        )
    )
    if given_at is None or not is_recent(given_at, at.now()):
        raise NeedsPassword
