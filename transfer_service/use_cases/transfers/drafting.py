"""Recording a pupil's move and preparing a dispatch: everything before the first note and beside it."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.db.models import Dispatch, School, Transfer
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.calendars import local_day
from transfer_service.domain.deadlines import ClockDates
from transfer_service.domain.errors import RuleForbids, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.references import RANDOM_BYTES, make_reference
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import Action, DispatchKind, Side, Status, TransferKind, get_transition
from transfer_service.use_cases.calendars import get_sender_due
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.moves import MoveDates, check_move
from transfer_service.use_cases.transfers.pupils import Pupil, judge_pupil, open_pupil, seal_pupil
from transfer_service.use_cases.transfers.removing import delete_place

LIVE = frozenset({Status.DRAFT, Status.WAITING, Status.SENT, Status.OPENED})


def create_transfer(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    pupil: Pupil,
    kind: TransferKind,
    dates: MoveDates,
    receiving_school_id: UUID,
    upn_confirmed: bool = False,
    urgent: bool = False,
) -> Dispatch:
    """Record a pupil's move with its first dispatch as an empty draft; return the dispatch (and its `transfer`).

    The school office may do this too. Raises Invalid for names, UPN and dates, RuleForbids with `school_closed`
    (offer its successors) or `same_school`.
    """
    school_id = school_of(actor)
    permissions.check(actor, Permission.PUPIL_RECORD)
    tidied, upn_choice = judge_pupil(pupil, upn_confirmed=upn_confirmed)
    check_move(at, tidied, dates)
    now = at.now()
    transfer = Transfer(
        id=at.new_id(),
        reference=_new_reference(session, at),
        sending_school_id=school_id,
        kind=kind,
        leaving_on=dates.leaving_on,
        starts_on=dates.starts_on,
        destination_confirmed_on=dates.destination_confirmed_on or local_day(now),
        created_at=now,
        created_by=actor.person_id,
    )
    seal_pupil(at, transfer, tidied, upn_choice)
    session.add(transfer)
    dispatch = _new_draft(session, at, actor, transfer, number=1, receiving_school_id=receiving_school_id)
    dispatch.urgent = urgent
    session.flush()
    record_all(
        session,
        at,
        [
            leaf_of(actor, Event.TRANSFER_CREATED, dispatch, detail=tell("A transfer was recorded.", upn=upn_choice)),
            leaf_of(actor, Event.DISPATCH_DRAFTED, dispatch),
        ],
    )
    return dispatch


def draft_again(
    session: Session, at: Installation, actor: Actor, *, reference: str, receiving_school_id: UUID
) -> Dispatch:
    """Begin a new, empty dispatch on a transfer whose earlier one was withdrawn, sent back, or was a nil declaration.

    This is how a nil declaration is corrected by a later file, and how a damaged file is sealed anew. Raises
    RuleForbids (`still_under_way`, `already_received`).
    """
    transfer = queries.get_transfer_of_sender(session, reference=reference, school_id=school_of(actor))
    permissions.check(actor, Permission.DISPATCH_DRAFT)
    for earlier in transfer.dispatches:
        if earlier.status in LIVE:
            raise RuleForbids(
                "still_under_way",
                "An earlier dispatch of this transfer is still under way. Finish, withdraw or discard it first.",
            )
        if earlier.status is Status.ACKNOWLEDGED and earlier.kind is not DispatchKind.NIL:
            raise RuleForbids(
                "already_received",
                "The receiving school has acknowledged the file of this transfer. Record a new transfer to send more.",
            )
    number = max(earlier.number for earlier in transfer.dispatches) + 1
    dispatch = _new_draft(session, at, actor, transfer, number=number, receiving_school_id=receiving_school_id)
    # The move is the same, so that its due date does not move either.
    dispatch.due_on, dispatch.clock = transfer.dispatches[0].due_on, transfer.dispatches[0].clock
    session.flush()
    record_all(session, at, [leaf_of(actor, Event.DISPATCH_DRAFTED, dispatch)])
    return dispatch


def change_pupil(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, pupil: Pupil, upn_confirmed: bool = False
) -> None:
    """Correct who the transfer is about, as long as nothing of it was sent; raises Invalid as at creation."""
    dispatch = get_unsent_transfer(session, actor, dispatch_id)
    tidied, upn_choice = judge_pupil(pupil, upn_confirmed=upn_confirmed)
    check_move(at, tidied, _dates_of(dispatch.transfer))
    seal_pupil(at, dispatch.transfer, tidied, upn_choice)
    detail = tell("The pupil’s details were corrected.", upn=upn_choice)
    record_all(session, at, [leaf_of(actor, Event.TRANSFER_CHANGED, dispatch, detail=detail)])


def change_move(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    kind: TransferKind,
    dates: MoveDates,
    receiving_school_id: UUID,
    urgent: bool,
) -> None:
    """Correct kind, dates, receiving school and urgency, as long as nothing was sent; the due date is counted again.

    Raises Invalid as at creation.
    """
    dispatch = get_unsent_transfer(session, actor, dispatch_id)
    check_move(at, open_pupil(at, dispatch.transfer), dates)
    receiving = _get_receiver(session, receiving_school_id, sending_school_id=dispatch.transfer.sending_school_id)
    transfer = dispatch.transfer
    transfer.kind = kind
    transfer.leaving_on = dates.leaving_on
    transfer.starts_on = dates.starts_on
    transfer.destination_confirmed_on = dates.destination_confirmed_on or transfer.destination_confirmed_on
    dispatch.receiving_school = receiving
    dispatch.receiving_school_id = receiving.id
    dispatch.urgent = urgent
    _set_due(session, dispatch, receiving)
    detail = tell("The dates, the kind of move or the receiving school were corrected.")
    record_all(session, at, [leaf_of(actor, Event.TRANSFER_CHANGED, dispatch, detail=detail)])


def discard_draft(session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID) -> tuple[str, ...]:
    """Delete a draft with all that was sealed for it, and the transfer where nothing else was ever drafted for it.

    Return the keys of stored attachments, which the caller deletes from the store after the commit; what is left
    behind by a crash in between is swept later.
    """
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING, lock=True
    )
    permissions.check(actor, permissions.permission_for(dispatch.kind, Action.DISCARD))
    get_transition(dispatch.kind, dispatch.status, Action.DISCARD)
    blobs = [
        blob for place in queries.list_items(session, dispatch_id=dispatch.id) if (blob := delete_place(session, place))
    ]
    transfer, leaf = dispatch.transfer, leaf_of(actor, Event.DISPATCH_DISCARDED, dispatch)
    is_last = len(transfer.dispatches) == 1
    session.flush()
    session.execute(delete(Dispatch).where(Dispatch.id == dispatch.id))
    if is_last:
        session.execute(delete(Transfer).where(Transfer.id == transfer.id))
    record_all(session, at, [leaf])
    return tuple(blobs)


def get_draft(
    session: Session, actor: Actor, dispatch_id: UUID, *, permission: Permission, action: str = "change"
) -> Dispatch:
    """Return the sending school's own draft, locked; raises NotFound, PermissionRefused, StateForbids once sent.

    The state comes last: it is nothing that the school office may learn from a refusal.
    """
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING, lock=True
    )
    permissions.check(actor, permission)
    if dispatch.status is not Status.DRAFT:
        raise StateForbids(dispatch.status, action)
    return dispatch


def get_unsent_transfer(session: Session, actor: Actor, dispatch_id: UUID) -> Dispatch:
    """Return a draft whose transfer never had anything sent: the sealed cover of a sent one stands for ever."""
    dispatch = get_draft(session, actor, dispatch_id, permission=Permission.PUPIL_RECORD)
    if any(one.status is not Status.DRAFT for one in dispatch.transfer.dispatches):
        raise RuleForbids(
            "already_sent",
            "Something was already sent on this transfer, so the pupil and the dates stay. Record a new transfer.",
        )
    return dispatch


def _new_draft(
    session: Session, at: Installation, actor: Actor, transfer: Transfer, *, number: int, receiving_school_id: UUID
) -> Dispatch:
    receiving = _get_receiver(session, receiving_school_id, sending_school_id=transfer.sending_school_id)
    dispatch = Dispatch(
        id=at.new_id(),
        transfer_id=transfer.id,
        transfer=transfer,
        number=number,
        kind=DispatchKind.FILE,
        status=Status.DRAFT,
        receiving_school_id=receiving.id,
        receiving_school=receiving,
        urgent=False,
        legal_hold=any(one.legal_hold for one in transfer.dispatches),
        created_at=at.now(),
        created_by=actor.person_id,
    )
    session.add(dispatch)
    _set_due(session, dispatch, receiving)
    return dispatch


def _dates_of(transfer: Transfer) -> MoveDates:
    return MoveDates(
        leaving_on=transfer.leaving_on,
        starts_on=transfer.starts_on,
        destination_confirmed_on=transfer.destination_confirmed_on,
    )


def _set_due(session: Session, dispatch: Dispatch, receiving: School) -> None:
    """Count the sender's due date and keep on what basis it was counted."""
    transfer = dispatch.transfer
    due = get_sender_due(
        session,
        transfer.kind,
        ClockDates(
            leaving_on=transfer.leaving_on,
            destination_confirmed_on=transfer.destination_confirmed_on,
            starts_on=transfer.starts_on,
        ),
        sending=queries.get_school(session, transfer.sending_school_id),
        receiving=receiving,
    )
    dispatch.due_on = due.on
    dispatch.clock = {"sender": due.basis.to_mapping()}


def check_receiver(receiving: School, *, sending_school_id: UUID) -> None:
    """Raise RuleForbids where nothing can be sent to this school from that one."""
    if receiving.id == sending_school_id:
        raise RuleForbids("same_school", "The receiving school is your own school. Choose the school the pupil joins.")
    if receiving.is_closed:
        raise RuleForbids(
            "school_closed",
            "The receiving school is closed. Choose the school that followed it, or ask your authority which it is.",
        )


def _get_receiver(session: Session, school_id: UUID, *, sending_school_id: UUID) -> School:
    receiving = queries.get_school(session, school_id)
    check_receiver(receiving, sending_school_id=sending_school_id)
    return receiving


def _new_reference(session: Session, at: Installation) -> str:
    """Draw references until one is free; ids end in random bits."""
    while True:
        reference = make_reference(at.new_id().bytes[-RANDOM_BYTES:])
        if not queries.has_reference(session, reference):
            return reference
