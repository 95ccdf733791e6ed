"""What the page of one transfer asks: as many statements for one dispatch as for ten."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session, joinedload

from transfer_service.db.models import Breach, Dispatch, DispatchItem, Item, Opening, Transfer
from transfer_service.db.queries.transfers import visible_from
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import Side


def find_seen_transfer(session: Session, *, reference: str, school_id: UUID) -> Transfer | None:
    """Find a transfer, with its sending school, of which a school sees at least one dispatch."""
    seen = (
        select(literal(1))
        .select_from(Dispatch)
        .where(
            Dispatch.transfer_id == Transfer.id,
            or_(visible_from(Side.SENDING, school_id), visible_from(Side.RECEIVING, school_id)),
        )
        .correlate(Transfer)
        .exists()
    )
    return session.scalar(
        select(Transfer).where(Transfer.reference == reference, seen).options(joinedload(Transfer.sending_school))
    )


def list_received_ids(session: Session, *, transfer_id: UUID, school_id: UUID) -> frozenset[UUID]:
    """List the dispatches of a transfer that were sent to a school."""
    return frozenset(
        session.scalars(
            select(Dispatch.id).where(Dispatch.transfer_id == transfer_id, visible_from(Side.RECEIVING, school_id))
        )
    )


def count_kinds(session: Session, dispatch_ids: Collection[UUID]) -> Mapping[UUID, Mapping[ItemKind, int]]:
    """Count the items of each dispatch by what they hold; a dispatch without any is absent."""
    found: dict[UUID, dict[ItemKind, int]] = {}
    for dispatch_id, kind, count in session.execute(
        select(DispatchItem.dispatch_id, Item.kind, func.count())
        .join(DispatchItem.item)
        .where(DispatchItem.dispatch_id.in_(dispatch_ids))
        .group_by(DispatchItem.dispatch_id, Item.kind)
    ):
        found.setdefault(dispatch_id, {})[kind] = count
    return found


def list_opened_by(session: Session, dispatch_ids: Collection[UUID], *, person_id: UUID) -> frozenset[UUID]:
    """List which of the dispatches a person opened."""
    return frozenset(
        session.scalars(
            select(Opening.dispatch_id).where(Opening.dispatch_id.in_(dispatch_ids), Opening.person_id == person_id)
        )
    )


def list_open_breaches(session: Session, *, school_id: UUID) -> list[tuple[Breach, int, str]]:
    """List a school's breach records that are not closed, each with its dispatch's number and reference."""
    found = session.execute(
        select(Breach, Dispatch.number, Transfer.reference)
        .join(Dispatch, Dispatch.id == Breach.dispatch_id)
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .where(Breach.school_id == school_id, Breach.closed_at.is_(None))
        .order_by(Breach.report_by, Breach.dispatch_id)
    )
    return [(breach, number, reference) for breach, number, reference in found]


def list_breaches(session: Session, dispatch_ids: Collection[UUID]) -> Mapping[UUID, Breach]:
    """Return the breach records of the dispatches, by dispatch."""
    found: Sequence[Breach] = session.scalars(select(Breach).where(Breach.dispatch_id.in_(dispatch_ids))).all()
    return {breach.dispatch_id: breach for breach in found}
