"""One transfer as its page shows it: its dispatches, where each stands, and what the actor may do with it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Acknowledgement, Breach, Dispatch, School
from transfer_service.db.queries import transfer_page
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import WithheldReason
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import (
    Action,
    DispatchKind,
    RejectionReason,
    Side,
    Status,
    TransferKind,
    available_actions,
)
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.listing import Progress, progress_of
from transfer_service.use_cases.transfers.pupils import Pupil, find_pupil


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchView:
    """One dispatch for those who may know its exact state. `actions` are what the actor may do to it now."""

    dispatch_id: UUID
    number: int
    kind: DispatchKind
    status: Status
    receiving_school: School
    urgent: bool
    due_on: date | None
    receiver_due_on: date | None
    clock: Mapping[str, Any]
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    cover_shown_at: datetime | None
    opened_at: datetime | None
    acknowledged_at: datetime | None
    withdrawn_at: datetime | None
    rejected_at: datetime | None
    rejection_reason: RejectionReason | None
    exported_at: datetime | None
    filed_at: datetime | None
    shredded_at: datetime | None
    statement_version: str | None
    withheld: tuple[WithheldReason, ...]
    notes: int
    attachments: int
    acknowledgement: Acknowledgement | None
    has_opened: bool
    """Whether the actor is among those who opened it."""
    sent_by_actor: bool
    breach_report_by: datetime | None
    actions: tuple[Action, ...]

    @property
    def items(self) -> int:
        """Its notes and attachments together."""
        return self.notes + self.attachments


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferView:
    """One transfer from one side. `dispatches` is empty for the office and head teacher, who learn `progress` alone.

    `pupil` is None at the receiving school until a cover sheet was shown, and where the columns cannot be opened.
    """

    transfer_id: UUID
    reference: str
    side: Side
    kind: TransferKind
    leaving_on: date
    starts_on: date | None
    destination_confirmed_on: date | None
    created_at: datetime
    sending_school: School
    upn_choice: str
    pupil: Pupil | None = field(repr=False)
    progress: Progress
    receiving_school: School | None
    """Of the newest dispatch."""
    dispatches: tuple[DispatchView, ...]

    @property
    def newest(self) -> DispatchView | None:
        """The newest dispatch that the actor sees."""
        return self.dispatches[-1] if self.dispatches else None


def find_dispatch(session: Session, actor: Actor, *, reference: str, number: int | None = None) -> UUID:
    """Find the id of a transfer's dispatch by what people say aloud; the newest visible one without a number.

    Raises NotFound.
    """
    found = queries.find_dispatch_id(session, reference=reference, school_id=school_of(actor), number=number)
    if found is None:
        raise NotFound("transfer")
    return found


def get_transfer(session: Session, at: Installation, actor: Actor, *, reference: str) -> TransferView:
    """Return a transfer as the actor's school may see it; raises NotFound for everybody else.

    The office of the receiving school sees nothing of it: what is sent is for its safeguarding leads.
    """
    school_id = school_of(actor)
    transfer = transfer_page.find_seen_transfer(session, reference=reference, school_id=school_id)
    if transfer is None:
        raise NotFound("transfer")
    permissions.check(actor, Permission.TRANSFER_LIST)
    side = Side.SENDING if transfer.sending_school_id == school_id else Side.RECEIVING
    knows_states = permissions.can(actor, Permission.DISPATCH_STATUS_READ)
    if side is Side.RECEIVING and not knows_states:
        raise NotFound("transfer")
    dispatches = queries.list_dispatches(session, transfer_id=transfer.id, school_id=school_id)
    names_pupil = side is Side.SENDING or any(one.cover_shown_at is not None for one in dispatches)
    return TransferView(
        transfer_id=transfer.id,
        reference=transfer.reference,
        side=side,
        kind=transfer.kind,
        leaving_on=transfer.leaving_on,
        starts_on=transfer.starts_on,
        destination_confirmed_on=transfer.destination_confirmed_on,
        created_at=transfer.created_at,
        sending_school=transfer.sending_school,
        upn_choice=transfer.upn_choice,
        pupil=find_pupil(at, transfer) if names_pupil else None,
        progress=progress_of(dispatches[-1].status),
        receiving_school=dispatches[-1].receiving_school,
        dispatches=_views(session, actor, dispatches, side) if knows_states else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What other tables say of some dispatches, by dispatch."""

    counts: Mapping[UUID, Mapping[ItemKind, int]]
    opened: frozenset[UUID]
    """Those that the actor opened."""
    breaches: Mapping[UUID, Breach]


def _views(session: Session, actor: Actor, dispatches: Sequence[Dispatch], side: Side) -> tuple[DispatchView, ...]:
    ids = [one.id for one in dispatches]
    beside = _Beside(
        counts=transfer_page.count_kinds(session, ids),
        opened=transfer_page.list_opened_by(session, ids, person_id=actor.person_id),
        breaches=transfer_page.list_breaches(session, ids) if side is Side.SENDING else {},
    )
    return tuple(_view(actor, one, side, beside) for one in dispatches)


def _view(actor: Actor, dispatch: Dispatch, side: Side, beside: _Beside) -> DispatchView:
    counts = beside.counts.get(dispatch.id, {})
    breach = beside.breaches.get(dispatch.id)
    return DispatchView(
        dispatch_id=dispatch.id,
        number=dispatch.number,
        kind=dispatch.kind,
        status=dispatch.status,
        receiving_school=dispatch.receiving_school,
        urgent=dispatch.urgent,
        due_on=dispatch.due_on,
        receiver_due_on=dispatch.receiver_due_on,
        clock=dispatch.clock or {},
        created_at=dispatch.created_at,
        sent_at=dispatch.sent_at,
        delivered_at=dispatch.delivered_at,
        cover_shown_at=dispatch.cover_shown_at,
        opened_at=dispatch.opened_at,
        acknowledged_at=dispatch.acknowledged_at,
        withdrawn_at=dispatch.withdrawn_at,
        rejected_at=dispatch.rejected_at,
        rejection_reason=dispatch.rejection_reason,
        exported_at=dispatch.exported_at,
        filed_at=dispatch.filed_at,
        shredded_at=dispatch.shredded_at,
        statement_version=dispatch.statement_version,
        withheld=tuple(WithheldReason(one["reason"]) for one in dispatch.withheld or []),
        notes=counts.get(ItemKind.NOTE, 0),
        attachments=counts.get(ItemKind.ATTACHMENT, 0),
        acknowledgement=dispatch.acknowledgement,
        has_opened=dispatch.id in beside.opened,
        sent_by_actor=dispatch.sent_by == actor.person_id,
        breach_report_by=None if breach is None else breach.report_by,
        actions=tuple(
            action
            for action in available_actions(side, dispatch.kind, dispatch.status)
            if permissions.can(actor, permissions.permission_for(dispatch.kind, action))
        ),
    )
