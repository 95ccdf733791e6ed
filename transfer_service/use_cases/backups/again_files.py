"""What was taken from files after the backup is taken again: shredding, withdrawing, sending back, drafts thrown away.

Each function is told one act of the log, does its taking once more where that is not done yet, and says whether it
did anything: so all of it may be done twice.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Breach, Dispatch, DispatchItem, Opening, Transfer
from transfer_service.domain.events import Event
from transfer_service.domain.transfer import Action, RejectionReason, Status, next_status
from transfer_service.use_cases.backups.logged_acts import LoggedAct
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.dead_epochs import undeliver
from transfer_service.use_cases.legal_holds import mark_as_logged
from transfer_service.use_cases.retention import erase_contents
from transfer_service.use_cases.transfers.removing import delete_place
from transfer_service.use_cases.transfers.returning import REPORT_WITHIN, revoke_receiver

_RETURNABLE: Final = frozenset({Status.WAITING, Status.SENT, Status.OPENED, Status.ACKNOWLEDGED})
"""A dispatch that was still a draft at the backup's time was never anywhere: it stands again as a draft."""


def shred(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Erase what a dispatch carried; an item that a live dispatch carries too stays for that one."""
    del at
    dispatch = session.get(Dispatch, act.leaf.said.dispatch)
    if dispatch is None or dispatch.shredded_at is not None:
        return False
    erase_contents(session, dispatch, act.leaf.at)
    return True


def hold(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a transfer be held as the whole log says by now: a hold that was set after the backup keeps its contents."""
    del at
    return act.leaf.said.transfer is not None and mark_as_logged(session, act.leaf.said.transfer)


def end_dispatch(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Take the receiver's grants of what was withdrawn or sent back; the reason stands beside the leaf."""
    leaf = act.leaf
    dispatch = session.get(Dispatch, leaf.said.dispatch)
    if dispatch is None or dispatch.status not in _RETURNABLE:
        return False
    if leaf.said.event == Event.DISPATCH_WITHDRAWN:
        dispatch.status, dispatch.withdrawn_at = Status.WITHDRAWN, leaf.at
    else:
        dispatch.status, dispatch.rejected_at, dispatch.rejected_by = Status.REJECTED, leaf.at, leaf.said.actor
        dispatch.rejection_reason = _reason(at, act)
    revoke_receiver(session, dispatch)
    return True


def wait_again(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let a file wait once more that was sealed to a key which nobody at the receiving school held any more."""
    del at
    dispatch = session.get(Dispatch, act.leaf.said.dispatch)
    if dispatch is None or dispatch.delivered_at is None:
        return False
    undeliver(session, dispatch)
    return True


def open_again(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Count a file as opened that was read after the backup: nobody may withdraw it as unread, or be told so.

    Its parts count as unread, so that whoever acknowledges opens it once more.
    """
    del at
    leaf = act.leaf
    dispatch, person_id = session.get(Dispatch, leaf.said.dispatch), leaf.said.actor
    if dispatch is None or person_id is None or dispatch.status not in (Status.SENT, Status.OPENED):
        return False
    if dispatch.status is Status.SENT:
        dispatch.status = next_status(dispatch.kind, dispatch.status, Action.OPEN)
        dispatch.opened_at, dispatch.opened_by = leaf.at, person_id
    if session.get(Opening, (dispatch.id, person_id)) is not None:
        return False
    session.add(Opening(dispatch_id=dispatch.id, person_id=person_id, opened_at=leaf.at))
    return True


def record_breach(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Let the sending school's 72 hours run from when they began."""
    del at
    leaf = act.leaf
    dispatch = session.get(Dispatch, leaf.said.dispatch)
    if dispatch is None or dispatch.status is not Status.REJECTED or session.get(Breach, dispatch.id) is not None:
        return False
    session.add(
        Breach(
            dispatch_id=dispatch.id, school_id=dispatch.transfer.sending_school_id, known_at=leaf.at,
            report_by=leaf.at + REPORT_WITHIN, checklist={},
        )
    )  # fmt: skip
    return True


def remove_item(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Delete an item that was taken out of a draft; from what was sent nothing is ever removed."""
    del at
    said = act.leaf.said
    dispatch = session.get(Dispatch, said.dispatch)
    place = session.get(DispatchItem, (said.dispatch, said.item)) if said.dispatch and said.item else None
    if dispatch is None or place is None or dispatch.status is not Status.DRAFT:
        return False
    delete_place(session, place)
    session.expire(dispatch)
    return True


def discard(session: Session, at: Installation, act: LoggedAct) -> bool:
    """Delete a draft that was discarded, with its items, and its transfer where nothing else is on it."""
    del at
    dispatch = session.get(Dispatch, act.leaf.said.dispatch)
    if dispatch is None or dispatch.status is not Status.DRAFT:
        return False
    dispatch_id, transfer_id, places = dispatch.id, dispatch.transfer_id, list(dispatch.items)
    for place in places:
        delete_place(session, place)
    session.flush()
    session.expire_all()
    session.execute(delete(Dispatch).where(Dispatch.id == dispatch_id))
    if session.scalar(select(Dispatch.id).where(Dispatch.transfer_id == transfer_id).limit(1)) is None:
        session.execute(delete(Transfer).where(Transfer.id == transfer_id))
    return True


def _reason(at: Installation, act: LoggedAct) -> RejectionReason:
    """Return why it was sent back; another reason where what stood beside the leaf is lost."""
    try:
        return RejectionReason(act.facts(at)["reason"])
    except (KeyError, ValueError):
        return RejectionReason.OTHER
