"""Asking whoever can help somebody to the school's key."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import School
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.installation import Installation


def ask_for_keys(session: Session, at: Installation, school_id: UUID) -> None:
    """Alert the colleagues who hold the school's key, or the authority where nobody does."""
    if key_queries.count_holders(session, school_id):
        alert_school(session, at, AlertKind.GRANT_WANTED, school_id)
    else:
        authority_id = session.get_one(School, school_id).authority_id
        alert_authority(session, at, AlertKind.APPROVAL_WANTED, authority_id)
