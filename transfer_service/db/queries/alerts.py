"""The outbox as people look at it: what waits, what was sent, what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Alert, Membership, School
from transfer_service.domain.alerts import AlertState

MOST_LISTED = 500


def list_alerts(
    session: Session,
    *,
    states: Sequence[AlertState] = (AlertState.PENDING, AlertState.GIVEN_UP),
    authority_id: UUID | None = None,
    limit: int = MOST_LISTED,
) -> list[Alert]:
    """List alerts, newest first: those to an authority and its schools alone, where `authority_id` is given."""
    query = select(Alert).where(Alert.state.in_(states))
    if authority_id is not None:
        query = query.where(_of_authority(authority_id))
    return list(session.scalars(query.order_by(Alert.created_at.desc(), Alert.id.desc()).limit(limit)))


def find_alert(session: Session, alert_id: UUID, *, authority_id: UUID | None = None) -> Alert | None:
    """Find one alert and lock it; None also where it is not for that authority or one of its schools."""
    query = select(Alert).where(Alert.id == alert_id)
    if authority_id is not None:
        query = query.where(_of_authority(authority_id))
    return session.scalars(query.with_for_update()).one_or_none()


def _of_authority(authority_id: UUID) -> ColumnElement[bool]:
    """To the authority or one of its schools, or, like an invitation, to one of their people by name."""
    schools = select(School.id).where(School.authority_id == authority_id)
    people = select(Membership.person_id).where(
        or_(Membership.authority_id == authority_id, Membership.school_id.in_(schools))
    )
    return or_(
        Alert.organisation_id == authority_id,
        Alert.organisation_id.in_(schools),
        and_(Alert.organisation_id.is_(None), Alert.person_id.in_(people)),
    )
