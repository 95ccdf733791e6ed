"""The page of one transfer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, render_template

from transfer_service.domain.calendars import local_day
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import (
    DISPATCH_KIND_LABELS,
    REJECTION_REASON_LABELS,
    TRANSFER_KIND_LABELS,
    Action,
    DispatchKind,
    Side,
    Status,
)
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.transfers.timeline import list_happenings
from transfer_service.use_cases.transfers.viewing import DispatchView, TransferView, get_transfer
from transfer_service.web import access
from transfer_service.web.school.acting import acting, read_number, read_reference
from transfer_service.web.school.words import say_clocks, say_state, tell

blueprint = Blueprint("school_transfers", __name__)


@blueprint.get("/transfers/<reference>")
@access.requires(Permission.TRANSFER_LIST)
def transfer(reference: str) -> str:
    """One transfer: where it stands, both clocks, what can be done now, and what happened."""
    me = acting()
    known = read_reference(reference)
    with me.database.reading() as session:
        view = get_transfer(session, me.at, me.actor, reference=known)
        knows_states = can(me.actor, Permission.DISPATCH_STATUS_READ)
        happenings = list_happenings(session, me.actor, reference=known) if knows_states else []
        schools = show_schools(
            session,
            [
                view.sending_school,
                *([view.receiving_school] if view.receiving_school else []),
                *(one.receiving_school for one in view.dispatches),
            ],
        )
    return render_template(
        "school/transfer.html",
        view=view,
        dispatches=tuple(_shown(one, view, local_day(me.at.now())) for one in reversed(view.dispatches)),
        happenings=tell(happenings),
        schools=schools,
        kind=TRANSFER_KIND_LABELS[view.kind],
        is_sender=view.side is Side.SENDING,
        can_act=set(_acts(view)) if view.newest else set(),
        is_new=len(view.dispatches) == 1,
        may_record=can(me.actor, Permission.PUPIL_RECORD),
        may_take_entries=can(me.actor, Permission.ENTRIES_EXPORT),
        labels={"reasons": REJECTION_REASON_LABELS, "kinds": DISPATCH_KIND_LABELS},
    )


def get_view(reference: str) -> TransferView:
    """The transfer of an address as the actor may see it; raises NotFound."""
    me = acting()
    with me.database.reading() as session:
        return get_transfer(session, me.at, me.actor, reference=read_reference(reference))


def get_newest(reference: str, *, side: Side) -> tuple[TransferView, DispatchView]:
    """The transfer and its newest dispatch; raises NotFound for who is not on that side or may not know states."""
    view = get_view(reference)
    if view.newest is None or view.side is not side:
        raise NotFound("transfer")
    return view, view.newest


def get_asked(view: TransferView) -> DispatchView:
    """The dispatch that the address asks for by number, else the newest; raises NotFound who may not know states."""
    number = read_number()
    found = next((one for one in view.dispatches if one.number == number), view.newest)
    if found is None:
        raise NotFound("transfer")
    return found


def _acts(view: TransferView) -> tuple[str, ...]:
    """What the actor may do now, beside the table of transitions: what hangs on more than the state."""
    newest = view.newest
    if newest is None:
        return ()
    more = _acts_of_sender(newest) if view.side is Side.SENDING else _acts_of_receiver(newest)
    return (*(action.value for action in newest.actions), *more)


def _acts_of_sender(newest: DispatchView) -> Iterator[str]:
    is_nil = newest.kind is DispatchKind.NIL
    if newest.status in (Status.SENT, Status.OPENED) and not is_nil:
        yield "reseal"
    if newest.status in (Status.WITHDRAWN, Status.REJECTED) or (is_nil and newest.status is Status.ACKNOWLEDGED):
        yield "draft_again"


def _acts_of_receiver(newest: DispatchView) -> Iterator[str]:
    if newest.kind is DispatchKind.NIL:
        return
    is_acknowledged = newest.status is Status.ACKNOWLEDGED
    if newest.status is Status.OPENED and not newest.has_opened:
        yield Action.OPEN.value
    if newest.has_opened and (is_acknowledged or newest.status is Status.OPENED) and not newest.shredded_at:
        yield "read"
    if is_acknowledged and newest.filed_at is None:
        yield "file"
    if is_acknowledged and not newest.shredded_at:
        yield "forward"


def _shown(dispatch: DispatchView, view: TransferView, today: Any) -> dict[str, Any]:
    return {
        "view": dispatch,
        "state": say_state(dispatch, view.side),
        "clocks": say_clocks(dispatch, today=today),
        "is_nil": dispatch.kind is DispatchKind.NIL,
        "reason": REJECTION_REASON_LABELS[dispatch.rejection_reason] if dispatch.rejection_reason else "",
        "has_receipt": dispatch.sent_at is not None,
    }
