"""Whose schools an authority's people see: their own authority's, and nobody else's."""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.db.models import School
from transfer_service.db.queries import oversight_lists as queries
from transfer_service.domain.errors import NotFound
from transfer_service.domain.roles import Actor, authority_of


def get_own_school(session: Session, actor: Actor, *, urn: str) -> School:
    """Return a school of the actor's authority by its URN, or raise NotFound."""
    school = queries.find_school(session, urn=urn, authority_id=authority_of(actor))
    if school is None:
        raise NotFound("school")
    return school
