"""The cover sheet: who the child is, before anybody opens the contents. Each showing leaves its leaf first."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.cover import Cover
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, Person, School
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import CannotOpen, RuleForbids, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.notes import WithheldReason
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import DispatchKind, Side, Status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, open_school_keys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.provenance import Provenance, find_provenance
from transfer_service.use_cases.transfers.unopened import report_failure
from transfer_service.use_cases.transfers.unsealing import load_sealed, open_cover

NILS_AT_ONCE = 50
_SHOWN_IN = frozenset({Status.SENT, Status.OPENED, Status.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverShown:
    """A cover sheet. `cover` is None where it cannot be opened; `failure` then says why and who can help."""

    dispatch_id: UUID
    reference: str
    number: int
    kind: DispatchKind
    status: Status
    urgent: bool
    sending_school: School
    sent_by: str | None
    """Who sent it: the person to ask for by telephone."""
    sent_at: datetime | None
    receiver_due_on: date | None
    items: int
    """Notes, attachments and remarks that the manifest lists."""
    withheld: tuple[WithheldReason, ...]
    statement_version: str | None
    cover: Cover | None = field(repr=False)
    failure: CannotOpen | None = None
    provenance: Provenance | None = None
    """Where the sending school forwards it: who sealed it first."""


def show_cover(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    person_key: PersonKey,
    storage: Storage,
) -> CoverShown:
    """Open and verify a cover sheet for the receiving school; commit before it is shown: the leaf is in the commit.

    Also for a nil declaration. Raises StateForbids while it waits and after it was withdrawn or sent back, and
    RuleForbids (`not_delivered`) for a nil that was declared before this school had a key.
    """
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.RECEIVING, lock=True
    )
    permissions.check(actor, Permission.COVER_READ)
    if dispatch.status not in _SHOWN_IN:
        raise StateForbids(dispatch.status, "show the cover sheet")
    if dispatch.delivered_at is None:
        raise RuleForbids(
            "not_delivered",
            "This was sent before your school had a key. It reaches you when the sending school next signs in.",
        )
    keys = open_school_keys(session, at, actor, person_key)
    shown, leaves = _show(session, at, actor, keys, dispatch=dispatch, storage=storage)
    record_all(session, at, leaves)
    return shown


def show_nils(
    session: Session, at: Installation, actor: Actor, *, person_key: PersonKey, storage: Storage
) -> list[CoverShown]:
    """Show the covers of the nil declarations that await the actor's school, at most fifty: the longest wait first."""
    school_id = school_of(actor)
    permissions.check(actor, Permission.COVER_READ)
    keys = open_school_keys(session, at, actor, person_key)
    shown, leaves = [], []
    for dispatch_id in queries.list_awaiting_nil_ids(session, school_id=school_id, limit=NILS_AT_ONCE):
        dispatch = queries.get_dispatch(
            session, dispatch_id=dispatch_id, school_id=school_id, side=Side.RECEIVING, lock=True
        )
        if dispatch.status is not Status.SENT:
            continue  # a colleague was quicker
        one, its_leaves = _show(session, at, actor, keys, dispatch=dispatch, storage=storage)
        shown.append(one)
        leaves += its_leaves
    record_all(session, at, leaves)
    return shown


def _show(
    session: Session, at: Installation, actor: Actor, keys: SchoolKeys, *, dispatch: Dispatch, storage: Storage
) -> tuple[CoverShown, list[Entry]]:
    cover, failure, items = None, None, 0
    try:
        manifest, cover = open_cover(session, at, storage, load_sealed(session, at, dispatch, keys))
    except CannotOpen as found:
        failure = found
        leaves = report_failure(session, at, actor, dispatch, failure)
    else:
        items = len(manifest.items)
        dispatch.cover_shown_at = dispatch.cover_shown_at or at.now()
        leaves = [leaf_of(actor, Event.COVER_SHOWN, dispatch, digest=manifest.cover_digest)]
    sender = session.get(Person, dispatch.sent_by) if dispatch.sent_by else None
    shown = CoverShown(
        dispatch_id=dispatch.id,
        reference=dispatch.transfer.reference,
        number=dispatch.number,
        kind=dispatch.kind,
        status=dispatch.status,
        urgent=dispatch.urgent,
        sending_school=queries.get_school(session, dispatch.transfer.sending_school_id),
        sent_by=None if sender is None else sender.name,
        sent_at=dispatch.sent_at,
        receiver_due_on=dispatch.receiver_due_on,
        items=items,
        withheld=tuple(WithheldReason(one["reason"]) for one in dispatch.withheld or []),
        statement_version=dispatch.statement_version,
        cover=cover,
        failure=failure,
        provenance=find_provenance(session, dispatch),
    )
    return shown, leaves
