"""What is done where something sealed cannot be opened: a leaf, and an alert to whoever can help."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.audit.log import Entry
from transfer_service.db.models import Alert, Dispatch, Item
from transfer_service.db.queries import transfers as queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import CannotOpen, Conflict, Helper
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.leaves import leaf_of


def check_unchanged(session: Session, seen: Mapping[UUID, int]) -> None:
    """Raise Conflict where an item that did not open has another revision by now than the one that was seen.

    It was encrypted again while somebody opened it: its old bytes are gone, and the new ones open.
    """
    if not seen:
        return
    rows = session.execute(select(Item.id, Item.revision).where(Item.id.in_(list(seen))))
    if any(revision != seen[item_id] for item_id, revision in rows):
        raise Conflict("This was encrypted again while you were opening it. Nothing is lost: try again.")


def report_failure(
    session: Session,
    at: Installation,
    actor: Actor,
    dispatch: Dispatch,
    failure: CannotOpen,
    *,
    item_id: UUID | None = None,
    once: bool = False,
) -> list[Entry]:
    """Return the leaf that says what could not be opened and why, and queue the alert to whoever can help.

    The alert goes out once a dispatch; with `once` the leaf too, for what is tried again by itself.
    """
    told = session.scalar(
        select(Alert.id).where(Alert.dispatch_id == dispatch.id, Alert.kind == AlertKind.ITEM_UNREADABLE.value).limit(1)
    )
    if told is None:
        alert_school(session, at, AlertKind.ITEM_UNREADABLE, dispatch.transfer.sending_school_id, dispatch=dispatch)
        if failure.who_can_help is not Helper.SENDING_SCHOOL:
            receiving = queries.get_school(session, dispatch.receiving_school_id)
            alert_authority(session, at, AlertKind.ITEM_UNREADABLE, receiving.authority_id, dispatch=dispatch)
    elif once:
        return []
    detail = tell(failure.sentence, reason=failure.reason.value, who_can_help=failure.who_can_help.value)
    return [leaf_of(actor, Event.ITEM_OPEN_FAILED, dispatch, basis=Basis.RULE, item=item_id, detail=detail)]
