"""Asking whoever can help somebody to the school's key."""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.db.models import Membership, School
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.installation import Installation


def ask_for_keys(session: Session, at: Installation, membership: Membership) -> None:
    """Alert the colleagues who hold the school's key, or the authority where nobody does."""
    if membership.school_id is None:
        return
    if key_queries.count_holders(session, membership.school_id):
        alert_school(session, at, AlertKind.GRANT_WANTED, membership.school_id)
    else:
        authority_id = session.get_one(School, membership.school_id).authority_id
        alert_authority(session, at, AlertKind.APPROVAL_WANTED, authority_id)
