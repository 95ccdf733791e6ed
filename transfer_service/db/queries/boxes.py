"""The lists of a school, page by page: what it sent, what was sent to it. A page starts at a known row ("keyset")."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from transfer_service.db.models import Dispatch, School, Transfer
from transfer_service.db.types import Flag
from transfer_service.domain.transfer import Status

AWAITING_RECEIVER = (Status.WAITING, Status.SENT, Status.OPENED)
NOT_URGENT = literal(False, Flag())  # noqa: FBT003 -- a value, not a switch
ENDED = (Status.ACKNOWLEDGED, Status.REJECTED, Status.WITHDRAWN)


def select_outgoing(
    *, school_id: UUID, statuses: Collection[Status] | None, before: tuple[datetime, UUID] | None, limit: int
) -> Select[Dispatch, Transfer, School]:
    """Select the newest dispatch of each transfer of a sending school, the newest transfer first."""
    other = aliased(Dispatch)
    newest = select(func.max(other.number)).where(other.transfer_id == Transfer.id).scalar_subquery()
    statement = (
        select(Dispatch, Transfer, School)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .join(School, Dispatch.receiving_school_id == School.id)
        .where(Transfer.sending_school_id == school_id, Dispatch.number == newest)
        .order_by(Transfer.created_at.desc(), Transfer.id.desc())
        .limit(limit)
    )
    if statuses is not None:
        statement = statement.where(Dispatch.status.in_(list(statuses)))
    if before is not None:
        created_at, transfer_id = before
        statement = statement.where(
            or_(
                Transfer.created_at < created_at,
                and_(Transfer.created_at == created_at, Transfer.id < transfer_id),
            )
        )
    return statement


def select_incoming(
    *, school_id: UUID, statuses: Collection[Status], after: tuple[bool, datetime, UUID] | None, limit: int
) -> Select[Dispatch, Transfer, School]:
    """Select what was sent to a school: urgent first, then the oldest first."""
    statement = (
        select(Dispatch, Transfer, School)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .join(School, Transfer.sending_school_id == School.id)
        .where(Dispatch.receiving_school_id == school_id, Dispatch.status.in_(list(statuses)))
        .order_by(Dispatch.urgent.desc(), Dispatch.sent_at, Dispatch.id)
        .limit(limit)
    )
    if after is not None:
        urgent, sent_at, dispatch_id = after
        later = or_(Dispatch.sent_at > sent_at, and_(Dispatch.sent_at == sent_at, Dispatch.id > dispatch_id))
        if urgent:
            statement = statement.where(or_(Dispatch.urgent == NOT_URGENT, later))
        else:
            statement = statement.where(Dispatch.urgent == NOT_URGENT, later)
    return statement


def count_incoming(session: Session, *, school_id: UUID, statuses: Collection[Status]) -> int:
    """Count what was sent to a school and stands in one of these states."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Dispatch)
            .where(Dispatch.receiving_school_id == school_id, Dispatch.status.in_(list(statuses)))
        )
        or 0
    )


def tally_outgoing(session: Session, *, school_id: UUID, statuses: Collection[Status], today: date) -> tuple[int, int]:
    """Count a sending school's transfers whose newest dispatch stands in these states, and those beyond their day."""
    other = aliased(Dispatch)
    newest = select(func.max(other.number)).where(other.transfer_id == Transfer.id).scalar_subquery()
    total, overdue = session.execute(
        select(func.count(), func.count().filter(Dispatch.due_on < today))
        .select_from(Dispatch)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .where(
            Transfer.sending_school_id == school_id,
            Dispatch.number == newest,
            Dispatch.status.in_(list(statuses)),
        )
    ).one()
    return total, overdue


def tally_incoming(session: Session, *, school_id: UUID, statuses: Collection[Status], today: date) -> tuple[int, int]:
    """Count what was sent to a school and stands in one of these states, and what of it is beyond its day."""
    total, overdue = session.execute(
        select(func.count(), func.count().filter(Dispatch.receiver_due_on < today))
        .select_from(Dispatch)
        .where(Dispatch.receiving_school_id == school_id, Dispatch.status.in_(list(statuses)))
    ).one()
    return total, overdue


def count_acknowledged(session: Session, *, school_id: UUID, since: datetime) -> int:
    """Count what a receiving school acknowledged since a moment."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Dispatch)
            .where(Dispatch.receiving_school_id == school_id, Dispatch.acknowledged_at >= since)
        )
        or 0
    )
