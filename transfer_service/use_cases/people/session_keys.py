"""The person's key in a session: wrapped under one derivation of the cookie's 32 bytes, found by another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.bearer import SessionToken
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.unlock import unwrap_person_seed, wrap_person_seed
from transfer_service.crypto.values import Seed
from transfer_service.db.models import SignInSession
from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.installation import Installation

PENDING_LASTS: Final = timedelta(minutes=5)
ENROLMENT_LASTS: Final = timedelta(minutes=30)
"""For a sign-in that must set up an authenticator app first: finding and installing one takes people a while."""
SESSION_LASTS: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSession:
    """A session that was begun or finished. `cookie` is what the browser holds from now on, in place of any other."""

    session_id: UUID
    person_id: UUID
    stage: SessionStage
    cookie: bytes = field(repr=False)
    expires_at: datetime
    needs_enrolment: bool = False
    """Whether the person has no second factor yet, so that one is set up instead of asked for."""
    device_mark: str | None = field(default=None, repr=False)
    """What the browser keeps so that the next sign-in is not taken for one from a new device."""
    trusted_device: str | None = field(default=None, repr=False)
    """What the browser keeps for 30 days so that no code is asked for; only where it may."""

    @property
    def is_full(self) -> bool:
        """Whether the sign-in is complete."""
        return self.stage is SessionStage.FULL


def add_session(
    session: Session,
    at: Installation,
    *,
    person_id: UUID,
    key_version: int,
    seed: Seed,
    stage: SessionStage,
    device_label: str,
    password_given_at: datetime,
    is_enrolling: bool = False,
) -> tuple[SignInSession, bytes]:
    """Add a row for a new cookie and wrap the person's seed for it; returns the row and the cookie's bytes."""
    lasts = SESSION_LASTS
    if stage is SessionStage.PASSWORD_GIVEN:
        lasts = ENROLMENT_LASTS if is_enrolling else PENDING_LASTS
    token = SessionToken.generate()
    # Whole seconds, because the end is bound into the wrap as Unix seconds.
    now = at.now()
    expires_at = (now + lasts).replace(microsecond=0)
    row = SignInSession(
        id=at.new_id(),
        lookup=token.lookup,
        person_id=person_id,
        stage=stage,
        key_version=key_version,
        wrapped_seed=wrap_person_seed(
            token.wrapping_key(), seed, context=_context(at, person_id, key_version, expires_at)
        ),
        created_at=now,
        last_seen_at=now,
        expires_at=expires_at,
        password_given_at=password_given_at,
        device_label=device_label,
    )
    session.add(row)
    session.flush()
    return row, token.reveal()


def start_pending(
    session: Session,
    at: Installation,
    *,
    person_id: UUID,
    key_version: int,
    seed: Seed,
    device_label: str,
    needs_enrolment: bool,
    password_given_at: datetime,
) -> StartedSession:
    """Begin a short session that is good for nothing but the second factor, or for setting one up."""
    row, cookie = add_session(
        session,
        at,
        person_id=person_id,
        key_version=key_version,
        seed=seed,
        stage=SessionStage.PASSWORD_GIVEN,
        device_label=device_label,
        password_given_at=password_given_at,
        is_enrolling=needs_enrolment,
    )
    return StartedSession(
        session_id=row.id,
        person_id=person_id,
        stage=SessionStage.PASSWORD_GIVEN,
        cookie=cookie,
        expires_at=row.expires_at,
        needs_enrolment=needs_enrolment,
    )


def open_seed(at: Installation, row: SignInSession, cookie: bytes) -> Seed:
    """Unwrap the person's seed; raises SessionEnded where row and cookie do not belong together."""
    try:
        return unwrap_person_seed(
            SessionToken(cookie).wrapping_key(),
            row.wrapped_seed,
            context=_context(at, row.person_id, row.key_version, row.expires_at),
        )
    except CryptoError:
        # A row that somebody changed, or another person's: treated as no session at all.
        raise SessionEnded().of_account(row.person_id) from None


def _context(at: Installation, person_id: UUID, key_version: int, expires_at: datetime) -> bytes:
    return formats.session_context(
        deployment=at.deployment,
        person=person_id,
        key_version=key_version,
        absolute_expiry=int(expires_at.timestamp()),
    )
