"""What was sealed to keys that nobody at a school holds any more is delivered again (docs/keys.md, rule 4).

Nothing is deleted: the recovery custodians can still open what no sender holds.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.db.models import Dispatch, Opening
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.domain.transfer import Action, DispatchKind, Status, next_status
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import entry


def return_to_waiting(
    session: Session, at: Installation, actor: Actor | None, *, school_id: UUID, ask_all: bool = False
) -> list[Entry]:
    """Have everything unshredded that nobody at the school can open delivered again; returns the leaves.

    A file that was sent or opened waits once more, and has to be opened by those who hold the new key. One that was
    acknowledged stays acknowledged, and a nil declaration stays sent: both are sealed to the new key. Each sender's
    next unlock does it; this asks for it, but where the caller asks those whose files are WAITING (not `ask_all`).
    """
    leaves = []
    for dispatch in key_queries.list_unheld_dispatches(session, school_id):
        if not undeliver(session, dispatch) or ask_all:
            alert_school(session, at, AlertKind.DELIVERY_WANTED, dispatch.transfer.sending_school_id, dispatch=dispatch)
        leaves.append(
            entry(
                actor,
                Event.DISPATCH_UNDELIVERED,
                basis=Basis.RULE,
                subject=dispatch.id,
                transfer=dispatch.transfer_id,
                dispatch=dispatch.id,
            )
        )
    # The caller looks for what waits.
    session.flush()
    return leaves


def undeliver(session: Session, dispatch: Dispatch) -> bool:
    """Have a dispatch delivered again, and return whether it waits; what was acknowledged, and a nil, stays as it is.

    The row goes back to what it was before it was delivered; who opened it before stands in the log.
    """
    dispatch.delivered_at = None
    if dispatch.status is Status.ACKNOWLEDGED or dispatch.kind is DispatchKind.NIL:
        return False
    dispatch.status = next_status(dispatch.kind, dispatch.status, Action.WAIT_AGAIN)
    dispatch.receiver_due_on = None
    dispatch.cover_shown_at = None
    dispatch.opened_at = None
    dispatch.opened_by = None
    # Whoever holds the next key exports the file herself before she states that it is filed.
    dispatch.exported_at = None
    for place in dispatch.items:
        place.opened_at = None
    session.execute(delete(Opening).where(Opening.dispatch_id == dispatch.id))
    return True
