"""Deleting what has run out: it was refused at use already, and this keeps the tables small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session

from transfer_service.db.models import Alert, Invitation
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.cleaning import delete_expired_rows

ENDED_INVITATIONS_KEPT: Final = timedelta(days=30)
"""For so long a link that has expired still says so, and not that it never was."""
SECRETS_KEPT: Final = timedelta(days=14)
"""What a mail that was given up would have carried, for a retry. A link goes at once: see `use_cases.outbox`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Deletes sessions, held forms, trusted devices, counters, old invitations and the secrets of given-up mails."""

    database: Database
    at: Installation

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Delete everything that has run out."""
        del should_stop
        with self.database.writing() as session:
            count = delete_expired_rows(session, self.at) + delete_old_links(session, now=self.at.now())
        return f"deleted {count}" if count else ""


def delete_old_links(session: Session, *, now: datetime) -> int:
    """Delete invitations that expired a month ago and what mails carried that nobody will send any more."""
    statements = (
        delete(Invitation).where(Invitation.expires_at <= now - ENDED_INVITATIONS_KEPT),
        update(Alert)
        .where(Alert.state == AlertState.GIVEN_UP, Alert.secret.is_not(None), Alert.finished_at <= now - SECRETS_KEPT)
        .values(secret=None),
    )
    count = 0
    for statement in statements:
        result = session.execute(statement, execution_options={"synchronize_session": False})
        count += result.rowcount if isinstance(result, CursorResult) else 0
    return count
