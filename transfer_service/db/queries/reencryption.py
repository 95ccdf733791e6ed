"""Which items a school may encrypt again, and how far it has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Dispatch, Item, ItemGrant, ItemReencryption, Transfer
from transfer_service.domain.transfer import Status

READ_BY_RECEIVER = (Status.OPENED, Status.ACKNOWLEDGED)


def count_items(session: Session, school_id: UUID, *, since: datetime) -> tuple[int, int]:
    """Count the items that a school may encrypt again: those encrypted `since` then, and the rest."""
    is_new = _encrypted_at() >= since
    row = session.execute(
        select(
            func.coalesce(func.sum(case((is_new, 1), else_=0)), 0),
            func.coalesce(func.sum(case((is_new, 0), else_=1)), 0),
        ).where(*_may_encrypt(school_id))
    ).one()
    return int(row[0]), int(row[1])


def list_due_items(
    session: Session, school_id: UUID, *, epochs: Collection[int], since: datetime, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """List what a school may encrypt again by one of these epochs and that is older than `since`, by id."""
    statement = (
        select(Item.id)
        .where(*_may_encrypt(school_id, ItemGrant.epoch.in_(epochs)), _encrypted_at() < since)
        .order_by(Item.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Item.id > after)
    return session.scalars(statement).all()


def is_due(session: Session, school_id: UUID, *, since: datetime, item_id: UUID) -> bool:
    """Tell whether a school may encrypt this item again and has not since then."""
    return bool(
        session.scalar(select(exists().where(Item.id == item_id, *_may_encrypt(school_id), _encrypted_at() < since)))
    )


def has_begun(session: Session, school_id: UUID, *, since: datetime) -> bool:
    """Tell whether a school has encrypted anything again since then."""
    return bool(
        session.scalar(
            select(exists().where(ItemReencryption.school_id == school_id, ItemReencryption.created_at >= since))
        )
    )


def list_own_grants(session: Session, item_id: UUID, school_id: UUID) -> Sequence[tuple[ItemGrant, Dispatch]]:
    """List the grants of an item that a school has, with their dispatches: signed ones first, newest epoch first."""
    rows = session.execute(
        select(ItemGrant, Dispatch)
        .join(Dispatch, Dispatch.id == ItemGrant.dispatch_id)
        .where(ItemGrant.item_id == item_id, ItemGrant.recipient_id == school_id)
        .order_by(Dispatch.manifest.is_(None), ItemGrant.epoch.desc(), Dispatch.id)
    )
    return [(grant, dispatch) for grant, dispatch in rows]


def _encrypted_at() -> ColumnElement[datetime]:
    return func.coalesce(Item.reencrypted_at, Item.created_at)


def _may_encrypt(school_id: UUID, *by: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """What a school sealed or sent, and what it received and opened; nothing unopened, nothing shredded."""
    is_its_own = or_(
        Item.sender_id == school_id,
        Transfer.sending_school_id == school_id,
        and_(Dispatch.receiving_school_id == school_id, Dispatch.status.in_(READ_BY_RECEIVER)),
    )
    # From the school's grants to the items: their number is what the school holds, not what the service does.
    held = (
        select(ItemGrant.item_id)
        .join(Dispatch, Dispatch.id == ItemGrant.dispatch_id)
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .where(ItemGrant.recipient_id == school_id, Dispatch.shredded_at.is_(None), is_its_own, *by)
    )
    return (Item.shredded_at.is_(None), Item.id.in_(held))
