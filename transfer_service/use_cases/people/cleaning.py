"""Deleting rows whose time is over: sessions, held forms, trusted devices, counters. For the worker; no leaf."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import CursorResult, and_, delete, or_
from sqlalchemy.orm import Session

from transfer_service.db.models import HeldForm, SignInAttempt, SignInSession, TrustedDevice
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.installation import Installation

KEPT_AFTER_END: Final = timedelta(hours=1)
"""An ended session's row tells for an hour whose a late form is; it opens nothing any more."""
_COUNTERS_KEPT: Final = timedelta(days=1)


def delete_expired_rows(session: Session, at: Installation) -> int:
    """Delete what is over, and return how many rows went. Each is refused at use already."""
    now = at.now()
    statements = (
        delete(SignInSession).where(
            or_(
                SignInSession.expires_at <= now - KEPT_AFTER_END,
                and_(SignInSession.stage == SessionStage.PASSWORD_GIVEN, SignInSession.expires_at <= now),
            )
        ),
        delete(HeldForm).where(HeldForm.expires_at <= now),
        delete(TrustedDevice).where(TrustedDevice.expires_at <= now),
        delete(SignInAttempt).where(
            SignInAttempt.window_started_at <= now - _COUNTERS_KEPT,
            or_(SignInAttempt.locked_until.is_(None), SignInAttempt.locked_until <= now),
        ),
    )
    gone = 0
    for statement in statements:
        result = session.execute(statement)
        gone += result.rowcount if isinstance(result, CursorResult) else 0
    return gone
