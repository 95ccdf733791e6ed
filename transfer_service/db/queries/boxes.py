"""The lists of a school, page by page: what it sent, what was sent to it. A page starts at a known row ("keyset")."""

from collections.abc import Collection
from datetime import date, datetime
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from transfer_service.db.models import Dispatch, School, Transfer
from transfer_service.db.types import Flag
from transfer_service.domain.transfer import DispatchKind, Status

AWAITING_RECEIVER = (Status.WAITING, Status.SENT, Status.OPENED)
AWAITING_ANSWER = (Status.SENT, Status.OPENED)
NOT_URGENT = literal(False, Flag())  # noqa: FBT003 -- a value, not a switch
ENDED = (Status.ACKNOWLEDGED, Status.REJECTED, Status.WITHDRAWN)


def select_outgoing(
    *,
    school_id: UUID,
    statuses: Collection[Status] | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
    unanswered_on: date | None = None,
) -> Select[Dispatch, Transfer, School]:
    """Select the newest dispatch of each transfer of a sending school, the newest transfer first.

    With `unanswered_on` only what the receiving school should have acknowledged before that day, and has not.
    """
    statement = _newest_of_each_transfer().where(Transfer.sending_school_id == school_id).limit(limit)
    if statuses is not None:
        statement = statement.where(Dispatch.status.in_(list(statuses)))
    if unanswered_on is not None:
        statement = statement.where(_is_unanswered(unanswered_on))
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
    *,
    school_id: UUID,
    statuses: Collection[Status],
    after: tuple[bool, datetime, UUID] | None,
    limit: int,
    is_unfiled: bool = False,
) -> Select[Dispatch, Transfer, School]:
    """Select what was sent to a school: urgent first, then the oldest first.

    With `is_unfiled` only files of which nobody has stated that they are in the school's own system.
    """
    here = (Dispatch.receiving_school_id == school_id, Dispatch.status.in_(list(statuses)))
    statement = _all_that_was_sent().where(*here).limit(limit)
    if is_unfiled:
        statement = statement.where(_is_unfiled())
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


def count_unfiled(session: Session, *, school_id: UUID) -> int:
    """Count what a school has acknowledged, and not stated to be in its own system."""
    counted = (
        select(func.count())
        .select_from(Dispatch)
        .where(Dispatch.receiving_school_id == school_id, Dispatch.status == Status.ACKNOWLEDGED, _is_unfiled())
    )
    return session.scalar(counted) or 0


def count_unanswered(session: Session, *, school_id: UUID, today: date) -> int:
    """Count what a sending school has sent and the receiving school should have acknowledged by now."""
    counted = (
        select(func.count())
        .select_from(Dispatch)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .where(Transfer.sending_school_id == school_id, _is_unanswered(today))
    )
    return session.scalar(counted) or 0


def tally_outgoing(session: Session, *, school_id: UUID, statuses: Collection[Status], today: date) -> tuple[int, int]:
    """Count a sending school's transfers whose newest dispatch stands in these states, and those beyond their day."""
    total, overdue = session.execute(
        select(func.count(), func.count().filter(Dispatch.due_on < today))
        .select_from(Dispatch)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .where(
            Transfer.sending_school_id == school_id,
            Dispatch.number == _newest_number(),
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


def _is_unanswered(today: date) -> ColumnElement[bool]:
    """Only the newest dispatch of a transfer can stand in these states: what came before was withdrawn or sent back."""
    return and_(Dispatch.status.in_(AWAITING_ANSWER), Dispatch.receiver_due_on < today)


def _is_unfiled() -> ColumnElement[bool]:
    return and_(Dispatch.kind == DispatchKind.FILE, Dispatch.filed_at.is_(None))


# Each is built once: to put such a statement together takes longer than to have it answered.


@cache
def _newest_number() -> ScalarSelect[int]:
    """The number of a transfer's newest dispatch."""
    other = aliased(Dispatch)
    return select(func.max(other.number)).where(other.transfer_id == Transfer.id).scalar_subquery()


@cache
def _newest_of_each_transfer() -> Select[Dispatch, Transfer, School]:
    return (
        select(Dispatch, Transfer, School)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .join(School, Dispatch.receiving_school_id == School.id)
        .where(Dispatch.number == _newest_number())
        .order_by(Transfer.created_at.desc(), Transfer.id.desc())
    )


@cache
def _all_that_was_sent() -> Select[Dispatch, Transfer, School]:
    return (
        select(Dispatch, Transfer, School)
        .join(Transfer, Dispatch.transfer_id == Transfer.id)
        .join(School, Transfer.sending_school_id == School.id)
        .order_by(Dispatch.urgent.desc(), Dispatch.sent_at, Dispatch.id)
    )
