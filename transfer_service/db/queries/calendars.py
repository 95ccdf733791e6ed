"""Term dates and closures, as rows."""

from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Closure, Term


def list_terms(session: Session, *, authority_id: UUID) -> list[Term]:
    """List the authority's terms in the order of their dates."""
    return list(session.scalars(select(Term).where(Term.authority_id == authority_id).order_by(Term.starts_on)))


def list_closures(session: Session, *, authority_id: UUID, school_id: UUID | None = None) -> list[Closure]:
    """List the days on which all schools of the authority, or this one school too, are closed."""
    own = (
        Closure.school_id.is_(None)
        if school_id is None
        else or_(Closure.school_id.is_(None), Closure.school_id == school_id)
    )
    return list(
        session.scalars(
            select(Closure).where(Closure.authority_id == authority_id, own).order_by(Closure.closed_on, Closure.id)
        )
    )


def find_closure(session: Session, *, authority_id: UUID, school_id: UUID | None, day: date) -> Closure | None:
    """Find the closure of one day: of one school, or of all schools where `school_id` is None."""
    whose = Closure.school_id.is_(None) if school_id is None else Closure.school_id == school_id
    return session.scalar(select(Closure).where(Closure.authority_id == authority_id, whose, Closure.closed_on == day))
