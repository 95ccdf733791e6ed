"""What an authority counts and lists of its schools' exchange; set-based, and never a column that names a pupil.

The expressions here say in SQL what `domain.compliance` and `domain.deadlines` say of one dispatch; a test holds the
two together over every combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from transfer_service.db.models import Alert, Dispatch, DispatchItem, Item, Membership, School, Transfer
from transfer_service.db.queries.local_days import local_day
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.compliance import Outcome, Reason
from transfer_service.domain.deadlines import NEVER_AFTER_DAYS, Band
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.oversight import Period
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status

_UNDER_WAY = (Status.WAITING, Status.SENT, Status.OPENED)
_DELIVERED = (Status.SENT, Status.OPENED, Status.ACKNOWLEDGED)
_NOT_REACHING = (Status.DRAFT, Status.REJECTED, Status.WITHDRAWN)
_WRONG_SCHOOL = (RejectionReason.NOT_JOINING, RejectionReason.WRONG_SCHOOL, RejectionReason.WRONG_PUPIL)

Receiver = aliased(School, name="receiver")
"""The receiving school, where the sending one is `School`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCount:
    """How many moves of one sending school stand alike, and when the first of them was due."""

    school_id: UUID
    outcome: Outcome
    sender: Band
    kind: DispatchKind
    reason: Reason | None
    count: int
    first_due_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCount:
    """How many dispatches to one receiving school stand alike; `receiver` is None where its clock does not run."""

    school_id: UUID
    status: Status
    receiver: Band | None
    count: int
    first_due_on: date | None


def sender_band(today: date) -> ColumnElement[Any]:
    """How the sender's clock stands: `deadlines.band(due_on, sent_on, today)`."""
    return _band(Dispatch.due_on, Dispatch.sent_at, today)


def receiver_band(today: date) -> ColumnElement[Any]:
    """How the receiver's clock stands; NULL while nothing has reached the school."""
    runs = and_(Dispatch.sent_at.is_not(None), Dispatch.status.in_(_DELIVERED))
    return case((runs, _band(Dispatch.receiver_due_on, Dispatch.acknowledged_at, today)), else_=None)


def outcome() -> ColumnElement[Any]:
    """What the dispatch's state means for the move."""
    return case(
        (Dispatch.status == Status.DRAFT, Outcome.NOTHING_SENT.value),
        (Dispatch.status == Status.WAITING, Outcome.WAITING.value),
        (
            and_(Dispatch.status == Status.ACKNOWLEDGED, Dispatch.kind == DispatchKind.NIL),
            Outcome.NIL_DECLARED.value,
        ),
        (Dispatch.status == Status.ACKNOWLEDGED, Outcome.FILE_RECEIVED.value),
        (Dispatch.status == Status.REJECTED, Outcome.SENT_BACK.value),
        (Dispatch.status == Status.WITHDRAWN, Outcome.WITHDRAWN.value),
        else_=Outcome.SENT.value,
    )


def reason(today: date) -> ColumnElement[Any]:
    """Why it is stuck, NULL where it is not.

    A CASE asks its conditions in order, so that the ones that look into other tables are asked of the few that are
    under way alone.
    """
    sender_is_late = sender_band(today).in_([Band.OVERDUE.value, Band.NEVER.value])
    receiver_is_late = receiver_band(today).in_([Band.OVERDUE.value, Band.NEVER.value])
    return case(
        (Dispatch.status == Status.ACKNOWLEDGED, None),
        (
            and_(Dispatch.status == Status.REJECTED, Dispatch.rejection_reason.in_(_WRONG_SCHOOL)),
            Reason.WRONG_SCHOOL.value,
        ),
        (
            and_(Dispatch.status == Status.REJECTED, Dispatch.rejection_reason == RejectionReason.CANNOT_OPEN),
            Reason.TECHNICAL.value,
        ),
        (Dispatch.status == Status.REJECTED, Reason.DISPUTED.value),
        (Dispatch.status.not_in(_UNDER_WAY), case((sender_is_late, Reason.SENDER_LATE.value), else_=None)),
        (_is_receiver_closed(), Reason.SCHOOL_CLOSED.value),
        (~_has_dsl(), Reason.NO_DSL.value),
        (_is_unreadable(), Reason.TECHNICAL.value),
        (_has_bounced(), Reason.ADDRESS_BOUNCED.value),
        (and_(receiver_is_late, Dispatch.opened_at.is_(None)), Reason.RECEIVER_NOT_OPENED.value),
        (receiver_is_late, Reason.RECEIVER_NOT_ACKNOWLEDGED.value),
        else_=None,
    )


def count_sent(
    session: Session, *, authority_id: UUID, today: date, period: Period, school_id: UUID | None = None
) -> list[SentCount]:
    """Count the moves of an authority's sending schools, each once, by the dispatch that counts; one statement."""
    found = _due_in(
        select(
            Transfer.sending_school_id.label("school_id"),
            outcome().label("outcome"),
            sender_band(today).label("sender"),
            Dispatch.kind.label("kind"),
            reason(today).label("reason"),
            Dispatch.due_on.label("due_on"),
        )
        .join(School, School.id == Transfer.sending_school_id)
        .join(Dispatch, Dispatch.transfer_id == Transfer.id)
        .where(_one_of(School.authority_id, authority_id, Transfer.sending_school_id, school_id), _counts()),
        period,
        Transfer.leaving_on,
    )
    # Made before it is counted: else SQLite asks every condition twice, once for the group and once for the column.
    each = found.cte("each").prefix_with("MATERIALIZED")
    keys = (each.c.school_id, each.c.outcome, each.c.sender, each.c.kind, each.c.reason)
    rows = session.execute(select(*keys, func.count(), func.min(each.c.due_on)).group_by(*keys))
    return [
        SentCount(
            school_id=school_id,
            outcome=Outcome(said),
            sender=Band(sender),
            kind=kind,
            reason=Reason(why) if why else None,
            count=count,
            first_due_on=first_due_on,
        )
        for school_id, said, sender, kind, why, count, first_due_on in rows
    ]


def count_received(
    session: Session, *, authority_id: UUID, today: date, period: Period, school_id: UUID | None = None
) -> list[ReceivedCount]:
    """Count what is on its way to an authority's schools or has reached them, whoever sent it; one statement."""
    own = select(School.id).where(School.authority_id == authority_id)
    if school_id is not None:
        own = own.where(School.id == school_id)
    each = _due_in(
        select(
            Dispatch.receiving_school_id.label("school_id"),
            Dispatch.status.label("status"),
            receiver_band(today).label("receiver"),
            Dispatch.receiver_due_on.label("due_on"),
        )
        # Said as what it is not: nearly every row is in the other states, and SQLite would begin with their index.
        .where(Dispatch.receiving_school_id.in_(own), Dispatch.status.not_in(_NOT_REACHING)),
        period,
        # Looked up where it is needed alone: nearly every dispatch has a date.
        select(Transfer.leaving_on).where(Transfer.id == Dispatch.transfer_id).correlate(Dispatch).scalar_subquery(),
    ).subquery()
    keys = (each.c.school_id, each.c.status, each.c.receiver)
    rows = session.execute(select(*keys, func.count(), func.min(each.c.due_on)).group_by(*keys))
    return [
        ReceivedCount(
            school_id=school_id,
            status=status,
            receiver=Band(band) if band else None,
            count=count,
            first_due_on=first_due_on,
        )
        for school_id, status, band, count, first_due_on in rows
    ]


def list_schools(session: Session, *, authority_id: UUID) -> Sequence[School]:
    """List the schools of an authority by name, closed ones too; one statement."""
    return session.scalars(
        select(School).where(School.authority_id == authority_id).order_by(School.search_name, School.urn)
    ).all()


def _preference(dispatch: Any) -> ColumnElement[int]:
    """Which dispatch of a move counts: the lowest number, and among equals the newest (`classify_move`)."""
    return case(
        (and_(dispatch.status == Status.ACKNOWLEDGED, dispatch.kind != DispatchKind.NIL), 0),
        (dispatch.status == Status.ACKNOWLEDGED, 1),
        (dispatch.status.in_([Status.SENT, Status.OPENED]), 2),
        (dispatch.status == Status.WAITING, 3),
        else_=4,
    )


def _counts() -> ColumnElement[bool]:
    """The dispatch is the one of its move that counts; nearly every move has no other, which one look tells."""
    other = aliased(Dispatch, name="other")
    counts_more = or_(
        _preference(other) < _preference(Dispatch),
        and_(_preference(other) == _preference(Dispatch), other.number > Dispatch.number),
    )
    return ~exists(
        select(literal(1))
        .select_from(other)
        .where(other.transfer_id == Dispatch.transfer_id, other.number != Dispatch.number, counts_more)
        .correlate(Dispatch)
    )


def _one_of(authority: Any, authority_id: UUID, school: Any, school_id: UUID | None) -> ColumnElement[bool]:
    """The authority's schools, or only one of them."""
    own: ColumnElement[bool] = authority == authority_id
    return own if school_id is None else and_(own, school == school_id)


def _due_in(statement: Select[Any], period: Period, leaving_on: Any) -> Select[Any]:
    """Keep what was due in a period; where no due date is known yet, the leaving date stands in for it."""
    due = func.coalesce(Dispatch.due_on, leaving_on)
    if period.starts_on is not None:
        statement = statement.where(due >= period.starts_on)
    if period.ends_on is not None:
        statement = statement.where(due <= period.ends_on)
    return statement


def _band(due: Any, done_at: Any, today: date) -> ColumnElement[Any]:
    return case(
        (and_(done_at.is_not(None), due.is_not(None), local_day(done_at) > due), Band.LATE.value),
        (done_at.is_not(None), Band.ON_TIME.value),
        (or_(due.is_(None), due >= today), Band.NOT_DUE.value),
        (due < today - timedelta(days=NEVER_AFTER_DAYS), Band.NEVER.value),
        else_=Band.OVERDUE.value,
    )


def _is_receiver_closed() -> ColumnElement[bool]:
    school = aliased(School, name="asked_of")
    return exists(
        select(literal(1))
        .select_from(school)
        .where(school.id == Dispatch.receiving_school_id, school.is_closed)
        .correlate(Dispatch)
    )


def _has_dsl() -> ColumnElement[bool]:
    return exists(
        select(literal(1))
        .select_from(Membership)
        .where(
            Membership.school_id == Dispatch.receiving_school_id,
            Membership.state == MembershipState.ACTIVE,
            Membership.role.in_(KEY_HOLDING_ROLES),
        )
        .correlate(Dispatch)
    )


def _is_unreadable() -> ColumnElement[bool]:
    """Somebody could not open an item, and it has not been opened since."""
    told = exists().where(Alert.dispatch_id == Dispatch.id, Alert.kind == AlertKind.ITEM_UNREADABLE.value)
    unopened = exists(
        select(literal(1))
        .select_from(DispatchItem)
        .join(Item, Item.id == DispatchItem.item_id)
        .where(
            DispatchItem.dispatch_id == Dispatch.id,
            DispatchItem.opened_at.is_(None),
            Item.kind.in_([ItemKind.NOTE, ItemKind.ATTACHMENT]),
        )
        .correlate(Dispatch)
    )
    return and_(told, unopened)


def _has_bounced() -> ColumnElement[bool]:
    """No alert about it reached the receiving school, and one was given up."""
    about = and_(Alert.dispatch_id == Dispatch.id, Alert.organisation_id == Dispatch.receiving_school_id)
    return and_(
        exists().where(about, Alert.state == AlertState.GIVEN_UP),
        ~exists().where(about, Alert.state == AlertState.SENT),
    )
