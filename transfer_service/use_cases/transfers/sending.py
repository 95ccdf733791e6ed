"""Sending a draft: the receiving school's grants are made, the manifest is signed, the clock stops."""

import hashlib
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, School
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import AlreadyDone, Conflict, RuleForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.statements import NIL_DECLARATION, SEND_CONFIRMATION
from transfer_service.domain.transfer import Action, DispatchKind, Side, Status, get_transition, next_status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, open_school_keys
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.keys.vouching import VouchedKey, find_vouched_key
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.as_recorded import check_as_recorded
from transfer_service.use_cases.transfers.drafting import check_receiver
from transfer_service.use_cases.transfers.handing_over import (
    alert_receiver,
    hand_over,
    open_own_items,
    seal_cover,
    set_delivered,
    set_sent,
    tell_of,
)
from transfer_service.use_cases.transfers.leaves import leaf_of_signed
from transfer_service.use_cases.transfers.manifests import manifest_kind
from transfer_service.use_cases.transfers.provenance import find_origin

_SENT_BEFORE = frozenset({Status.WAITING, Status.SENT, Status.OPENED, Status.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of sending: SENT, or WAITING where the receiving school has no key yet; and the leaf of it."""

    dispatch_id: UUID
    status: Status
    leaf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the sender checks before sending, beside the items themselves (`reading.prepare_reading`)."""

    dispatch_id: UUID
    reference: str
    receiving_school: School
    due_on: date | None
    known_terms: bool
    receiver_key: VouchedKey | None
    items: int
    withheld: int
    seen: str
    """What stands for all of this and the contents: sending with it is refused once anything of it has changed."""

    @property
    def receiver_has_key(self) -> bool:
        """Whether the file is delivered at once; else it waits."""
        return self.receiver_key is not None


def check_answers(session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID) -> Answers:
    """Return what is to be said before sending: where it goes, whether it can be opened there, by when it is due."""
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING)
    permissions.check(actor, Permission.DISPATCH_DRAFT)
    receiving = queries.get_school(session, dispatch.receiving_school_id)
    basis = (dispatch.clock or {}).get("sender", {})
    return Answers(
        dispatch_id=dispatch.id,
        reference=dispatch.transfer.reference,
        receiving_school=receiving,
        due_on=dispatch.due_on,
        known_terms=bool(basis.get("known_terms", True)),
        receiver_key=find_vouched_key(session, at, receiving.id),
        items=queries.count_contents(session, dispatch_id=dispatch.id),
        withheld=len(dispatch.withheld or []),
        seen=_say_what_stands(session, dispatch),
    )


def send_dispatch(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    person_key: PersonKey,
    storage: Storage,
    statement_version: str = SEND_CONFIRMATION.version,
    seen: str | None = None,
) -> Sent:
    """Send a file. Without a live key at the receiving school it is WAITING, sealed to the sender alone.

    `seen` is that of the answers that the person was shown. Raises Conflict where they changed since, AlreadyDone where
    it was sent before, RuleForbids (`empty_file`, `school_closed`, `not_as_recorded`), KeyMissing, and CannotOpen
    where an item of the draft is damaged.
    """
    dispatch = _get_unsent(session, actor, dispatch_id, permission=Permission.DISPATCH_SEND)
    SEND_CONFIRMATION.check_shown(statement_version)
    _check_seen(session, dispatch, seen)
    if queries.count_contents(session, dispatch_id=dispatch.id) == 0:
        raise RuleForbids(
            "empty_file", "There is nothing in this file. Add a note or an attachment, or declare that you hold none."
        )
    keys = open_school_keys(session, at, actor, person_key)
    return _send(session, at, actor, keys, dispatch=dispatch, storage=storage, event=Event.DISPATCH_SENT)


def declare_nil(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    person_key: PersonKey,
    storage: Storage,
    statement_version: str,
    seen: str | None = None,
) -> Sent:
    """Declare for one pupil that the school holds no safeguarding information: an empty draft becomes a sent nil.

    `statement_version` and `seen` are those that the person was shown. Raises AlreadyDone, Conflict where the wording
    or the answers changed since, and RuleForbids (`not_empty`).
    """
    dispatch = _get_unsent(session, actor, dispatch_id, permission=Permission.NIL_DECLARE)
    NIL_DECLARATION.check_shown(statement_version)
    _check_seen(session, dispatch, seen)
    if dispatch.withheld or queries.count_contents(session, dispatch_id=dispatch.id):
        raise RuleForbids(
            "not_empty",
            "This file has contents, so you do hold information. Send it, or remove what does not belong to the pupil.",
        )
    keys = open_school_keys(session, at, actor, person_key)
    dispatch.kind = DispatchKind.NIL
    dispatch.statement_version = NIL_DECLARATION.version
    return _send(session, at, actor, keys, dispatch=dispatch, storage=storage, event=Event.NIL_DECLARED)


def _send(
    session: Session,
    at: Installation,
    actor: Actor,
    keys: SchoolKeys,
    *,
    dispatch: Dispatch,
    storage: Storage,
    event: Event,
) -> Sent:
    receiving = queries.get_school(session, dispatch.receiving_school_id)
    check_receiver(receiving, sending_school_id=keys.school_id)
    receiver = find_active_epoch(session, at, receiving.id)
    status = next_status(dispatch.kind, dispatch.status, Action.SEND, receiver_has_key=receiver is not None)
    items = open_own_items(session, at, storage, keys, dispatch=dispatch)
    check_as_recorded(session, dispatch, [keyed.item for keyed in items])
    origin = find_origin(session, dispatch)
    cover = seal_cover(session, at, actor, dispatch=dispatch)
    digest = hand_over(
        session,
        at,
        actor,
        keys,
        dispatch=dispatch,
        items=[*items, cover],
        receiver=receiver,
        kind=manifest_kind(dispatch.kind) if origin is None else formats.DispatchKind.FORWARD,
        previous_hash=None if origin is None else origin.manifest_hash,
    )
    dispatch.status = status
    set_sent(at, actor, dispatch)
    if receiver is not None:
        set_delivered(session, at, dispatch)
    alert_receiver(session, at, dispatch)
    waits = status is Status.WAITING
    detail = tell_of(
        session,
        actor,
        dispatch,
        f"declared: “{NIL_DECLARATION.text}”" if dispatch.kind is DispatchKind.NIL else "sent it",
        items=str(sum(keyed.item.kind is not ItemKind.COVER for keyed in items)),
    )
    leaf = leaf_of_signed(
        actor, Event.DISPATCH_WAITING if waits else event, dispatch, keys, digest=digest, detail=detail
    )
    dispatch.sent_leaf = record_all(session, at, [leaf])[0].idx
    return Sent(dispatch_id=dispatch.id, status=dispatch.status, leaf=dispatch.sent_leaf)


def _get_unsent(session: Session, actor: Actor, dispatch_id: UUID, *, permission: Permission) -> Dispatch:
    """Return the draft, locked; raises AlreadyDone where it was sent, so that a double click is harmless."""
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING, lock=True
    )
    permissions.check(actor, permission)
    if dispatch.status in _SENT_BEFORE:
        raise AlreadyDone("send", "This was already sent. Nothing was sent twice.")
    get_transition(dispatch.kind, dispatch.status, Action.SEND)
    return dispatch


def _check_seen(session: Session, dispatch: Dispatch, seen: str | None) -> None:
    """A colleague, or another tab, may have chosen another school or pupil since the page was made."""
    if seen is not None and seen != _say_what_stands(session, dispatch):
        raise Conflict("This was changed after you opened the page. Check what is shown now before you send it.")


def _say_what_stands(session: Session, dispatch: Dispatch) -> str:
    """A digest of the draft's rows as they are: where it goes, of whom it is, and every item in its revision."""
    transfer = dispatch.transfer
    who = (transfer.forename, transfer.surname, transfer.date_of_birth, transfer.upn)
    days = (transfer.leaving_on, transfer.starts_on, transfer.destination_confirmed_on)
    places = queries.list_items(session, dispatch_id=dispatch.id)
    items = [(place.item_id, place.item.revision, place.item.content_digest) for place in places]
    stands = (dispatch.id, dispatch.receiving_school_id, dispatch.urgent, transfer.kind.value, *who, *days, *items)
    return hashlib.sha256(repr(stands).encode()).hexdigest()
