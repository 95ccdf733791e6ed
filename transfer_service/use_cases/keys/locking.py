"""One act at a time on a school's keys and people."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import School


def lock_school(session: Session, school_id: UUID) -> School:
    """Return the school's row, locked until the commit, so that no two epochs or grants are made side by side."""
    return session.scalars(select(School).where(School.id == school_id).with_for_update(key_share=True)).one()
