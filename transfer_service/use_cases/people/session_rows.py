"""Rows of sessions: the cookie's 32 bytes find the row by one derivation. Nothing here unwraps what is in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.bearer import SessionToken
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import SignInSession, TrustedDevice
from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.events import Event
from transfer_service.domain.roles import Actor, OrganisationKind
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import entry

IDLE_ENDS: Final = timedelta(minutes=30)


def find_row(session: Session, cookie: bytes, *, lock: bool = False) -> SignInSession | None:
    """Return the row that a cookie leads to, live or not."""
    try:
        lookup = SessionToken(cookie).lookup
    except CryptoError:
        return None
    wanted = select(SignInSession).where(SignInSession.lookup == lookup)
    return session.scalar(wanted.with_for_update() if lock else wanted)


def is_live(row: SignInSession, now: datetime) -> bool:
    """Tell whether a whole session still counts: within eight hours, and seen within the last half an hour."""
    return row.stage is SessionStage.FULL and now < row.expires_at and now - row.last_seen_at < IDLE_ENDS


def get_live(session: Session, at: Installation, cookie: bytes, *, lock: bool = False) -> SignInSession:
    """Return the whole, live session of a cookie; raises SessionEnded."""
    row = find_row(session, cookie, lock=lock)
    if row is None or not is_live(row, at.now()):
        raise SessionEnded
    return row


def get_pending(session: Session, at: Installation, cookie: bytes, *, lock: bool = False) -> SignInSession:
    """Return a live session that waits for its second factor; raises SessionEnded. Lock it in a writing session."""
    row = find_row(session, cookie, lock=lock)
    if row is None or row.stage is not SessionStage.PASSWORD_GIVEN or row.expires_at <= at.now():
        raise SessionEnded
    return row


def end_sessions_of(
    session: Session, at: Installation, actor: Actor | None, *, person_id: UUID, besides: UUID | None = None
) -> list[Entry]:
    """End all sessions of a person but one, and let no device be trusted any more; a leaf for each whole session."""
    rows = session.scalars(
        select(SignInSession)
        .where(SignInSession.person_id == person_id)
        .order_by(SignInSession.created_at, SignInSession.id)
        .with_for_update()
    ).all()
    leaves = []
    for row in rows:
        if row.id == besides:
            continue
        session.delete(row)
        if row.stage is SessionStage.FULL and row.expires_at > at.now():
            leaves.append(entry(actor, Event.SESSION_ENDED, subject=row.id))
    session.execute(delete(TrustedDevice).where(TrustedDevice.person_id == person_id))
    session.flush()
    return leaves


def own_actor(person_id: UUID, session_id: UUID | None = None) -> Actor:
    """Return somebody who acts for nobody but themselves, such as while signing in."""
    return Actor(
        person_id=person_id,
        organisation_id=None,
        organisation_kind=OrganisationKind.INSTALLATION,
        roles=frozenset(),
        session_id=session_id,
    )
