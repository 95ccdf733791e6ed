"""What happened on a transfer, told from the log's leaves alone: the same facts that anybody can check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf
from transfer_service.db.models import Person, School, Transfer
from transfer_service.db.queries import transfer_page
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.use_cases.transfers.leaves import list_logged

SHARED: Mapping[Event, str] = MappingProxyType(
    {
        Event.DISPATCH_SENT: "sent the file",
        Event.DISPATCH_WAITING: "sent the file, which waits for the receiving school’s key",
        Event.DISPATCH_DELIVERED: "delivered the file once the receiving school had a key",
        Event.DISPATCH_UNDELIVERED: "made a new school key, as nobody held the one before; the file waits for it",
        Event.DISPATCH_REDIRECTED: "sent it again as a new dispatch",
        Event.NIL_DECLARED: "declared that they hold no safeguarding information",
        Event.ITEM_RESEALED: "sealed an item again",
        Event.ITEM_GRANTED: "sealed the contents to the receiving school’s new key",
        Event.ITEM_REENCRYPTED: "encrypted an item again under a new key; its contents stayed as they were",
        Event.DISPATCH_WITHDRAWN: "withdrew it",
        Event.PUPIL_CONFIRMED: "confirmed that the pupil is joining",
        Event.DISPATCH_OPENED: "opened the file",
        Event.ITEM_OPEN_FAILED: "could not open an item",
        Event.DISPATCH_ACKNOWLEDGED: "acknowledged the file",
        Event.NIL_ACKNOWLEDGED: "acknowledged the nil declaration",
        Event.DISPATCH_REJECTED: "sent it back",
        Event.FILING_CONFIRMED: "stated that the file is filed in their own system",
        Event.LEGAL_HOLD_SET: "set a legal hold: the sealed contents are kept until it is lifted",
        Event.LEGAL_HOLD_LIFTED: "lifted a legal hold",
        Event.DISPATCH_SHREDDED: "shredded the sealed contents at the end of their time",
    }
)
"""What both schools of a dispatch see."""

OWN: Mapping[Event, str] = MappingProxyType(
    {
        Event.TRANSFER_CREATED: "recorded the transfer",
        Event.TRANSFER_CHANGED: "corrected the transfer",
        Event.DISPATCH_DRAFTED: "began a draft",
        Event.NOTE_SEALED: "sealed a note",
        Event.ATTACHMENT_SEALED: "sealed an attachment",
        Event.ITEM_REMOVED: "removed an item",
        Event.ITEM_WITHHELD: "listed what is withheld",
        Event.DISPATCH_DISCARDED: "discarded a draft",
        Event.COVER_SHOWN: "looked at the cover sheet",
        Event.NOTES_READ: "read the contents",
        Event.ATTACHMENT_DOWNLOADED: "downloaded an attachment",
        Event.ARCHIVE_DOWNLOADED: "downloaded the whole file",
        Event.RECEIPT_DOWNLOADED: "downloaded a receipt",
        Event.AUDIT_EXPORTED: "took the log’s entries away",
        Event.ALERT_SENT: "An alert was sent",
        Event.ALERT_FAILED: "An alert could not be sent yet",
        Event.ALERT_ABANDONED: "An alert could not be sent at all",
    }
)
"""What a school sees of its own people's acts alone."""

_OF_THE_TRANSFER = frozenset({Event.LEGAL_HOLD_SET, Event.LEGAL_HOLD_LIFTED})
"""What is about the whole transfer and concerns every school of it."""

BREACH: Mapping[Event, str] = MappingProxyType(
    {
        Event.BREACH_RECORDED: "sent it back after opening: the 72 hours to report the breach began",
        Event.BREACH_CHANGED: "ticked off a step of the breach record",
        Event.BREACH_CLOSED: "closed the breach record",
    }
)
"""What the sending school sees of a misdirected file, whoever caused the leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of a timeline: when, who, for which school, and what. `leaf` is its place in the log.

    `did` continues the sentence that the name begins; for what nobody did in person `person` is None.
    """

    at: datetime
    leaf: int
    event: Event
    did: str
    person: str | None
    school: str | None
    dispatch_id: UUID | None
    item_id: UUID | None


def list_happenings(session: Session, actor: Actor, *, reference: str) -> list[Happening]:
    """Tell what happened on a transfer, as far as the actor's school was part of it, in the order of the log.

    Raises NotFound, and PermissionRefused for the office, which learns "in hand" or "done" alone.
    """
    transfer = find_own_transfer(session, actor, reference=reference, permission=Permission.DISPATCH_STATUS_READ)
    return _tell(session, list_told_leaves(session, actor, transfer))


def find_own_transfer(session: Session, actor: Actor, *, reference: str, permission: Permission) -> Transfer:
    """Return a transfer that the actor's school is part of; raises NotFound, then PermissionRefused."""
    transfer = transfer_page.find_seen_transfer(session, reference=reference, school_id=school_of(actor))
    if transfer is None:
        raise NotFound("transfer")
    permissions.check(actor, permission)
    return transfer


def list_told_leaves(session: Session, actor: Actor, transfer: Transfer) -> list[Leaf]:
    """List the leaves that the actor's school is told of one of its transfers, in the order of the log."""
    school_id = school_of(actor)
    is_sender = transfer.sending_school_id == school_id
    received = (
        frozenset[UUID]()
        if is_sender
        else transfer_page.list_received_ids(session, transfer_id=transfer.id, school_id=school_id)
    )
    told = [*SHARED, *OWN, *(BREACH if is_sender else ())]
    return [
        leaf
        for leaf in list_logged(session, transfer.id, told)
        if (is_sender or leaf.said.dispatch in received or leaf.said.event in _OF_THE_TRANSFER)
        and _is_told(leaf, school_id)
    ]


def _is_told(leaf: Leaf, school_id: UUID) -> bool:
    event = Event(leaf.said.event)
    if event in OWN:
        return school_id in (leaf.said.org, leaf.said.on_behalf)
    return True


def _tell(session: Session, leaves: Sequence[Leaf]) -> list[Happening]:
    people = _names(session, Person, {leaf.said.actor for leaf in leaves if leaf.said.actor})
    acting = {leaf.said.on_behalf or leaf.said.org for leaf in leaves}
    schools = _names(session, School, {org for org in acting if org})
    words = {**SHARED, **OWN, **BREACH}
    return [
        Happening(
            at=leaf.at,
            leaf=leaf.idx,
            event=Event(leaf.said.event),
            did=words[Event(leaf.said.event)],
            person=people.get(leaf.said.actor) if leaf.said.actor else None,
            school=schools.get(org) if (org := leaf.said.on_behalf or leaf.said.org) else None,
            dispatch_id=leaf.said.dispatch,
            item_id=leaf.said.item,
        )
        for leaf in leaves
    ]


def _names(session: Session, model: type[Person] | type[School], ids: set[UUID]) -> dict[UUID, str]:
    rows = session.execute(select(model.id, model.name).where(model.id.in_(ids)))
    return {row_id: name for row_id, name in rows}  # noqa: C416 -- a Row is no pair to `dict`
