"""Authorities, by the code that the register gives them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Authority


def find_authority_name(session: Session, la_code: str) -> str | None:
    """Find the name of the authority with these three digits."""
    return session.scalar(select(Authority.name).where(Authority.la_code == la_code))


def find_authority_id(session: Session, la_code: str) -> UUID | None:
    """Find the id of the authority with these three digits."""
    return session.scalar(select(Authority.id).where(Authority.la_code == la_code))
