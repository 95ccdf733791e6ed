"""One school's dispatches as its authority lists them, page by page; a page starts at a known row ("keyset")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from transfer_service.db.models import Authority, Dispatch, School, Transfer
from transfer_service.db.queries.compliance import Receiver, outcome, reason, receiver_band, sender_band
from transfer_service.domain.compliance import Outcome, Reason
from transfer_service.domain.deadlines import Band
from transfer_service.domain.errors import NotFound
from transfer_service.domain.oversight import Box, DispatchShow
from transfer_service.domain.transfer import Status


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page starts: after this row."""

    day: date
    dispatch_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRow:
    """A dispatch with both schools and how it stands; `day` is what the list is sorted by."""

    dispatch: Dispatch
    transfer: Transfer
    sending: School
    receiving: School
    outcome: Outcome
    sender: Band
    receiver: Band | None
    reason: Reason | None
    day: date


def find_school(session: Session, *, urn: str, authority_id: UUID) -> School | None:
    """Find a school of an authority by its URN of today."""
    return session.scalar(select(School).where(School.urn == urn, School.authority_id == authority_id))


def list_dispatches(
    session: Session,
    *,
    school_id: UUID,
    box: Box,
    show: DispatchShow,
    today: date,
    after: Place | None,
    limit: int,
) -> list[DispatchRow]:
    """List what a school sent or received: unfinished work the longest due first, everything the newest first."""
    whose = (Transfer.sending_school_id if box is Box.SENT else Dispatch.receiving_school_id) == school_id
    return _list(session, whose, box=box, show=show, today=today, after=after, limit=limit)


def list_overdue(
    session: Session, *, authority_id: UUID, box: Box, today: date, after: Place | None, limit: int
) -> list[DispatchRow]:
    """List what the schools of an authority owe, the longest due first: what is not sent, or not acknowledged."""
    whose = (School if box is Box.SENT else Receiver).authority_id == authority_id
    return _list(session, whose, box=box, show=DispatchShow.OVERDUE, today=today, after=after, limit=limit)


def _list(
    session: Session,
    whose: ColumnElement[bool],
    *,
    box: Box,
    show: DispatchShow,
    today: date,
    after: Place | None,
    limit: int,
) -> list[DispatchRow]:
    is_sent = box is Box.SENT
    due = Dispatch.due_on if is_sent else func.coalesce(Dispatch.receiver_due_on, Dispatch.due_on)
    day = func.coalesce(due, Transfer.leaving_on)
    newest_first = show is DispatchShow.ALL
    statement = (
        select(
            Dispatch,
            Transfer,
            School,
            Receiver,
            outcome(),
            sender_band(today),
            receiver_band(today),
            reason(today),
            day,
        )
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .join(School, School.id == Transfer.sending_school_id)
        .join(Receiver, Receiver.id == Dispatch.receiving_school_id)
        .where(
            whose if is_sent else and_(whose, Dispatch.status != Status.DRAFT),
            *_shown(show, is_sent=is_sent, today=today),
        )
        .order_by(*((day.desc(), Dispatch.id.desc()) if newest_first else (day, Dispatch.id)))
        .limit(limit)
    )
    if after is not None:
        beyond = (day < after.day, Dispatch.id < after.dispatch_id)
        if not newest_first:
            beyond = (day > after.day, Dispatch.id > after.dispatch_id)
        statement = statement.where(or_(beyond[0], and_(day == after.day, beyond[1])))
    return [_row(found) for found in session.execute(statement)]


def find_transfer(session: Session, *, reference: str, authority_id: UUID) -> Transfer | None:
    """Find a transfer that an authority sees: one of its schools sends it, or was sent a dispatch of it."""
    received = (
        select(Dispatch.id)
        .join(School, School.id == Dispatch.receiving_school_id)
        .where(
            Dispatch.transfer_id == Transfer.id,
            Dispatch.status != Status.DRAFT,
            School.authority_id == authority_id,
        )
        .exists()
    )
    sending = (
        select(School.id).where(School.id == Transfer.sending_school_id, School.authority_id == authority_id).exists()
    )
    return session.scalar(
        select(Transfer)
        .where(Transfer.reference == reference, or_(sending, received))
        .options(joinedload(Transfer.sending_school))
    )


def get_transfer(session: Session, *, reference: str, authority_id: UUID) -> Transfer:
    """Return a transfer that an authority sees, or raise NotFound."""
    found = find_transfer(session, reference=reference, authority_id=authority_id)
    if found is None:
        raise NotFound("transfer")
    return found


def list_dispatches_of(session: Session, *, transfer_id: UUID, today: date) -> list[DispatchRow]:
    """List every dispatch of a transfer by number."""
    statement = (
        select(
            Dispatch,
            Transfer,
            School,
            Receiver,
            outcome(),
            sender_band(today),
            receiver_band(today),
            reason(today),
            func.coalesce(Dispatch.due_on, Transfer.leaving_on),
        )
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .join(School, School.id == Transfer.sending_school_id)
        .join(Receiver, Receiver.id == Dispatch.receiving_school_id)
        .where(Dispatch.transfer_id == transfer_id)
        .order_by(Dispatch.number)
    )
    return [_row(found) for found in session.execute(statement)]


def list_authority_names(session: Session, authority_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the names of some authorities by id."""
    found = session.execute(select(Authority.id, Authority.name).where(Authority.id.in_(set(authority_ids))))
    return {authority_id: name for authority_id, name in found}  # noqa: C416 -- a Row is no pair to `dict`


def _shown(show: DispatchShow, *, is_sent: bool, today: date) -> list[ColumnElement[bool]]:
    if show is DispatchShow.ALL:
        return []
    if show is DispatchShow.OPEN:
        return [Dispatch.status.in_([Status.DRAFT, Status.WAITING, Status.SENT, Status.OPENED])]
    if is_sent:
        return [Dispatch.status == Status.DRAFT, Dispatch.due_on < today]
    return [Dispatch.status.in_([Status.SENT, Status.OPENED]), Dispatch.receiver_due_on < today]


def _row(found: Any) -> DispatchRow:
    dispatch, transfer, sending, receiving, said, sender, receiver, why, day = found
    return DispatchRow(
        dispatch=dispatch,
        transfer=transfer,
        sending=sending,
        receiving=receiving,
        outcome=Outcome(said),
        sender=Band(sender),
        receiver=Band(receiver) if receiver else None,
        reason=Reason(why) if why else None,
        day=day if isinstance(day, date) else date.fromisoformat(day),
    )
