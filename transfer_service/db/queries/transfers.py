"""Transfers and dispatches, loaded only as far as the school that asks may see them.

The sending school sees all of its own transfers. A receiving school sees a dispatch once it was sent, and the transfer
only through it. For everybody else there is nothing: not visible and not there look the same.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from transfer_service.db.models import (
    Alert,
    Dispatch,
    DispatchItem,
    Item,
    ItemGrant,
    KeyGrant,
    LogLeaf,
    Opening,
    School,
    SchoolEpoch,
    Transfer,
)
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import NotFound
from transfer_service.domain.events import Event
from transfer_service.domain.keys import GranteeKind, ItemKind, KeyState
from transfer_service.domain.transfer import DispatchKind, Side, Status


def visible_from(side: Side, school_id: UUID) -> ColumnElement[bool]:
    """Return the condition under which a dispatch, joined with its transfer, is visible to one side's school."""
    if side is Side.SENDING:
        return Transfer.sending_school_id == school_id
    return and_(Dispatch.receiving_school_id == school_id, Dispatch.status != Status.DRAFT)


def get_dispatch(
    session: Session, *, dispatch_id: UUID, school_id: UUID, side: Side | None = None, lock: bool = False
) -> Dispatch:
    """Return a dispatch with its transfer and schools, or raise NotFound where the school may not see it.

    `side` narrows it to one side's view. With `lock` the row is held until the transaction ends (PostgreSQL), so that
    two people who act at once act one after the other.
    """
    sides = (side,) if side else (Side.SENDING, Side.RECEIVING)
    statement = (
        select(Dispatch)
        .join(Dispatch.transfer)
        .where(Dispatch.id == dispatch_id, or_(*(visible_from(one, school_id) for one in sides)))
    )
    if lock:
        # Else the row could be the one that this session read before it had to wait for the lock.
        statement = statement.with_for_update(of=Dispatch).execution_options(populate_existing=True)
    dispatch = session.scalar(statement)
    if dispatch is None:
        raise NotFound("transfer")
    return dispatch


def find_dispatch_id(session: Session, *, reference: str, school_id: UUID, number: int | None = None) -> UUID | None:
    """Find the dispatch with this number, else the newest one, of a transfer, as far as the school sees it."""
    statement = (
        select(Dispatch.id)
        .join(Dispatch.transfer)
        .where(
            Transfer.reference == reference,
            or_(visible_from(Side.SENDING, school_id), visible_from(Side.RECEIVING, school_id)),
        )
        .order_by(Dispatch.number.desc())
        .limit(1)
    )
    if number is not None:
        statement = statement.where(Dispatch.number == number)
    return session.scalar(statement)


def list_dispatches(session: Session, *, transfer_id: UUID, school_id: UUID) -> list[Dispatch]:
    """List the dispatches of a transfer that the school sees, in the order of their numbers."""
    statement = (
        select(Dispatch)
        .join(Dispatch.transfer)
        .where(
            Dispatch.transfer_id == transfer_id,
            or_(visible_from(Side.SENDING, school_id), visible_from(Side.RECEIVING, school_id)),
        )
        .options(joinedload(Dispatch.receiving_school), joinedload(Dispatch.acknowledgement))
        .order_by(Dispatch.number)
    )
    return list(session.scalars(statement))


def get_transfer_of_sender(session: Session, *, reference: str, school_id: UUID) -> Transfer:
    """Return a transfer of this sending school by its reference, locked, or raise NotFound."""
    transfer = session.scalar(
        select(Transfer)
        .where(Transfer.reference == reference, Transfer.sending_school_id == school_id)
        .with_for_update()
    )
    if transfer is None:
        raise NotFound("transfer")
    return transfer


def lock_transfer(session: Session, transfer: Transfer) -> None:
    """Hold a transfer until the transaction ends, so that two new dispatches of it are made one after the other.

    Whoever holds a dispatch of it locks it after that one, never before.
    """
    session.execute(select(Transfer.id).where(Transfer.id == transfer.id).with_for_update())
    session.expire(transfer, ["dispatches"])


def has_reference(session: Session, reference: str) -> bool:
    """Tell whether a transfer has this reference already."""
    return session.scalar(select(Transfer.id).where(Transfer.reference == reference)) is not None


def get_school(session: Session, school_id: UUID) -> School:
    """Return a school, or raise NotFound."""
    school = session.get(School, school_id)
    if school is None:
        raise NotFound("school")
    return school


def list_items(session: Session, *, dispatch_id: UUID, sealed_by: UUID | None = None) -> list[DispatchItem]:
    """List a dispatch's places with their items, in order; `sealed_by` narrows them to what one school put in.

    That is what it sealed for this transfer; for the sending school also what it forwards, which was sealed for an
    earlier one: by another school, or by itself before the pupil came back.
    """
    statement = (
        select(DispatchItem)
        .join(DispatchItem.item)
        .where(DispatchItem.dispatch_id == dispatch_id)
        .options(joinedload(DispatchItem.item))
        .order_by(DispatchItem.position)
    )
    if sealed_by is not None:
        own = and_(Item.transfer_id == Transfer.id, Item.sender_id == sealed_by)
        forwarded = and_(Item.transfer_id != Transfer.id, Transfer.sending_school_id == sealed_by)
        statement = (
            statement.join(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
            .join(Transfer, Transfer.id == Dispatch.transfer_id)
            .where(or_(own, forwarded))
        )
    return list(session.scalars(statement))


def get_item(session: Session, *, dispatch_id: UUID, item_id: UUID, sealed_by: UUID) -> DispatchItem:
    """Return the place of one item that a school sealed for this very transfer, or raise NotFound.

    What it forwards was signed as it is, also where it sealed that itself once.
    """
    place = session.scalar(
        select(DispatchItem)
        .join(DispatchItem.item)
        .join(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
        .where(
            DispatchItem.dispatch_id == dispatch_id,
            DispatchItem.item_id == item_id,
            Item.sender_id == sealed_by,
            Item.transfer_id == Dispatch.transfer_id,
        )
        .options(joinedload(DispatchItem.item))
    )
    if place is None:
        raise NotFound("item")
    return place


def next_position(session: Session, *, dispatch_id: UUID) -> int:
    """Return the place after a dispatch's last item."""
    highest = session.scalar(select(func.max(DispatchItem.position)).where(DispatchItem.dispatch_id == dispatch_id))
    return 0 if highest is None else highest + 1


def count_contents(session: Session, *, dispatch_id: UUID) -> int:
    """Count the notes and attachments of a dispatch."""
    counted = select(func.count()).select_from(DispatchItem).join(DispatchItem.item)
    return (
        session.scalar(
            counted.where(DispatchItem.dispatch_id == dispatch_id, Item.kind.in_([ItemKind.NOTE, ItemKind.ATTACHMENT]))
        )
        or 0
    )


def list_grants(session: Session, *, dispatch_id: UUID, recipient_id: UUID) -> Mapping[UUID, list[ItemGrant]]:
    """List the grants that one school has for a dispatch, by item, those of the newest epoch first."""
    found: dict[UUID, list[ItemGrant]] = {}
    for grant in session.scalars(
        select(ItemGrant)
        .where(ItemGrant.dispatch_id == dispatch_id, ItemGrant.recipient_id == recipient_id)
        .order_by(ItemGrant.epoch.desc())
    ):
        found.setdefault(grant.item_id, []).append(grant)
    return found


def list_openers(session: Session, *, dispatch_id: UUID) -> frozenset[UUID]:
    """List the people of the receiving school who opened a dispatch."""
    return frozenset(session.scalars(select(Opening.person_id).where(Opening.dispatch_id == dispatch_id)))


def holds_key(session: Session, *, person_id: UUID, school_id: UUID) -> bool:
    """Tell whether a person still holds a grant of one of the school's keys."""
    found = session.scalar(
        select(KeyGrant.id)
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .where(
            KeyGrant.grantee_kind == GranteeKind.PERSON,
            KeyGrant.grantee_id == person_id,
            SchoolEpoch.school_id == school_id,
            SchoolEpoch.state != KeyState.DESTROYED,
        )
        .limit(1)
    )
    return found is not None


def list_undelivered_ids(session: Session, *, sending_school_id: UUID, limit: int) -> Sequence[UUID]:
    """List what this school sent before the receiving school had a key that it has now, the oldest first.

    What was found damaged comes last, so that it keeps nothing else back for ever.
    Files are WAITING; a nil declaration is SENT and has no time of delivery yet; and so it is with a file that a
    school acknowledged before it lost its key.
    """
    return list(
        session.scalars(
            select(Dispatch.id)
            .join(Dispatch.transfer)
            .where(
                Transfer.sending_school_id == sending_school_id,
                # By its status it may wait, after a restore to a moment before it was delivered.
                Dispatch.shredded_at.is_(None),
                exists().where(
                    SchoolEpoch.school_id == Dispatch.receiving_school_id, SchoolEpoch.state == KeyState.ACTIVE
                ),
                or_(
                    Dispatch.status == Status.WAITING,
                    and_(
                        Dispatch.kind == DispatchKind.NIL,
                        Dispatch.status == Status.SENT,
                        Dispatch.delivered_at.is_(None),
                    ),
                    and_(
                        Dispatch.kind != DispatchKind.NIL,
                        Dispatch.status == Status.ACKNOWLEDGED,
                        Dispatch.delivered_at.is_(None),
                    ),
                ),
            )
            .order_by(
                exists().where(Alert.dispatch_id == Dispatch.id, Alert.kind == AlertKind.ITEM_UNREADABLE.value),
                Dispatch.sent_at,
                Dispatch.id,
            )
            .limit(limit)
        )
    )


def list_awaiting_nil_ids(session: Session, *, school_id: UUID, limit: int) -> Sequence[UUID]:
    """List the nil declarations that await a receiving school and reached it, the oldest first."""
    return list(
        session.scalars(
            select(Dispatch.id)
            .where(
                Dispatch.receiving_school_id == school_id,
                Dispatch.status == Status.SENT,
                Dispatch.kind == DispatchKind.NIL,
                Dispatch.delivered_at.is_not(None),
            )
            .order_by(Dispatch.sent_at, Dispatch.id)
            .limit(limit)
        )
    )


def list_leaf_bodies(session: Session, *, transfer_id: UUID, events: Collection[Event]) -> list[bytes]:
    """List the bytes of the log's leaves of these events about a transfer, in the order in which they were written."""
    return list(
        session.scalars(
            select(LogLeaf.body)
            .where(LogLeaf.transfer == transfer_id, LogLeaf.event.in_([event.value for event in events]))
            .order_by(LogLeaf.idx)
        )
    )


def get_leaf_body(session: Session, idx: int) -> bytes | None:
    """Return the bytes of one leaf of the log."""
    return session.scalar(select(LogLeaf.body).where(LogLeaf.idx == idx))
