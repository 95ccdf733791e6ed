"""Sending back by the receiving school, withdrawing by the sending school: either way the receiver can read no more."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Breach, Dispatch, Item, ItemGrant
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import AlreadyDone, CannotOpen, Invalid, NotFound, OpeningFailure, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import MESSAGE_LIMIT
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, Role, school_of
from transfer_service.domain.transfer import (
    REJECTION_REASON_LABELS,
    Action,
    RejectionReason,
    Side,
    Status,
    is_misdirection,
    next_status,
)
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.handing_over import tell_of
from transfer_service.use_cases.transfers.leaves import leaf_of, list_logged
from transfer_service.use_cases.transfers.revisions import expect_newest, load_lineages
from transfer_service.use_cases.transfers.sealing import (
    grant,
    open_key,
    open_row,
    place_item,
    seal_row,
)
from transfer_service.use_cases.transfers.texts import JSON_TYPE, REMARK_NAME, Remark

REPORT_WITHIN = timedelta(hours=72)
"""UK GDPR article 33: from when the school knows of a breach to its report to the ICO."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBack:
    """What came of sending back. `is_breach`: the contents were opened at a school they were not meant for."""

    dispatch_id: UUID
    leaf: int
    is_breach: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRemark:
    """Why a dispatch was sent back, in the receiving school's words; None where it gave only the reason."""

    reason: RejectionReason
    words: str | None = field(repr=False)


def send_back(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    reason: RejectionReason,
    words: str = "",
) -> SentBack:
    """Send a dispatch back for a reason from the list; the words are sealed to both schools.

    At the cover sheet this proves that the contents were never opened. After opening, a misdirected file becomes a
    breach record of the sending school. Raises AlreadyDone, StateForbids, Invalid (field `words`), and RuleForbids
    (`being_forwarded`) where the school has a draft that forwards it: what is not its own it may not keep there.
    """
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.RECEIVING, lock=True
    )
    permissions.check(actor, Permission.DISPATCH_SEND_BACK)
    if dispatch.status is Status.REJECTED:
        raise AlreadyDone("send_back", "This was already sent back. Nothing was changed.")
    before = dispatch.status
    status = next_status(dispatch.kind, before, Action.SEND_BACK)
    if before is Status.ACKNOWLEDGED and _is_in_a_draft(session, dispatch):
        raise RuleForbids(
            "being_forwarded",
            "Your school has begun to send this file on. Discard that draft first, then send the file back.",
        )
    words = words.strip()
    if len(words) > MESSAGE_LIMIT or (reason is RejectionReason.OTHER and not words):
        raise Invalid({"words": [f"Say why you send it back, in at most {MESSAGE_LIMIT:,} characters"]})
    remark = _seal_words(session, at, actor, dispatch, Remark(reason=reason.value, words=words)) if words else None
    revoke_receiver(session, dispatch)
    dispatch.status = status
    dispatch.rejected_at = at.now()
    dispatch.rejected_by = actor.person_id
    dispatch.rejection_reason = reason
    sender_id = dispatch.transfer.sending_school_id
    alert_school(session, at, AlertKind.DISPATCH_REJECTED, sender_id, dispatch=dispatch)
    misdirected = is_misdirection(before, reason)
    told = tell_of(
        session,
        actor,
        dispatch,
        "sent it back: " + REJECTION_REASON_LABELS[reason],
        reason=reason.value,
        opened="no" if before is Status.SENT else "yes",
    )
    digest = None if remark is None else remark.content_digest
    leaves = [leaf_of(actor, Event.DISPATCH_REJECTED, dispatch, digest=digest, detail=told)]
    if misdirected:
        leaves.append(_record_breach(session, at, actor, dispatch))
    positions = record_all(session, at, leaves)
    return SentBack(dispatch_id=dispatch.id, leaf=positions[0].idx, is_breach=misdirected)


def withdraw(session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID) -> int:
    """Withdraw what was sent and not opened yet; the receiving school is told. Return the leaf's index.

    Raises AlreadyDone, StateForbids once it was opened.
    """
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.SENDING, lock=True
    )
    permissions.check(actor, Permission.DISPATCH_WITHDRAW)
    if dispatch.status is Status.WITHDRAWN:
        raise AlreadyDone("withdraw", "This was already withdrawn. Nothing was changed.")
    dispatch.status = next_status(dispatch.kind, dispatch.status, Action.WITHDRAW)
    revoke_receiver(session, dispatch)
    dispatch.withdrawn_at = at.now()
    alert_school(session, at, AlertKind.DISPATCH_WITHDRAWN, dispatch.receiving_school_id, dispatch=dispatch)
    detail = tell_of(session, actor, dispatch, "withdrew it before it was opened")
    leaf = leaf_of(actor, Event.DISPATCH_WITHDRAWN, dispatch, digest=dispatch.manifest_hash, detail=detail)
    return record_all(session, at, [leaf])[0].idx


def read_return_remark(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, person_key: PersonKey, storage: Storage
) -> ReturnRemark:
    """Open why a dispatch was sent back, for either school, in a writing session; commit before showing it.

    The words are those that the leaf of sending back names. Raises NotFound where it was not sent back, CannotOpen.
    """
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_of(actor))
    permissions.check(actor, Permission.NOTES_OPEN)
    if dispatch.rejection_reason is None:
        raise NotFound("remark")
    reason = dispatch.rejection_reason
    item = next(
        (
            place.item
            for place in queries.list_items(session, dispatch_id=dispatch.id, sealed_by=dispatch.receiving_school_id)
            if place.item.kind is ItemKind.REMARK
        ),
        None,
    )
    logged = _logged_digest(session, dispatch)
    if item is None:
        if logged is not None:
            raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
        return ReturnRemark(reason=reason, words=None)
    if item.content_digest != logged:
        raise CannotOpen(OpeningFailure.CONTENT_CHANGED)
    keys = open_school_keys(session, at, actor, person_key)
    grants = queries.list_grants(session, dispatch_id=dispatch.id, recipient_id=keys.school_id)
    data_key = open_key(at, keys, dispatch=dispatch, item=item, grants=grants.get(item.id, []))
    expected = expect_newest(load_lineages(session, at, [item.id]), item)
    opened = open_row(at, storage, item, data_key, expected=expected)
    remark = Remark.decode(opened.body)
    record_all(session, at, [leaf_of(actor, Event.NOTES_READ, dispatch, item=item.id, digest=item.content_digest)])
    return ReturnRemark(reason=reason, words=remark.words)


def revoke_receiver(session: Session, dispatch: Dispatch) -> None:
    """Delete the receiving school's grants of everything but what it sealed itself for this transfer: its remark.

    What the sending school forwards was sealed by another, and for another transfer.
    """
    own_words = select(Item.id).where(
        Item.transfer_id == dispatch.transfer_id, Item.sender_id == dispatch.receiving_school_id
    )
    session.execute(
        delete(ItemGrant).where(
            ItemGrant.dispatch_id == dispatch.id,
            ItemGrant.recipient_id == dispatch.receiving_school_id,
            ItemGrant.item_id.not_in(own_words),
        )
    )


def _is_in_a_draft(session: Session, dispatch: Dispatch) -> bool:
    drafts = select(Dispatch.id).where(Dispatch.previous_id == dispatch.id, Dispatch.status == Status.DRAFT)
    return session.scalar(drafts.limit(1)) is not None


def _seal_words(session: Session, at: Installation, actor: Actor, dispatch: Dispatch, remark: Remark) -> Item:
    """Seal the words as an item of the receiving school, granted to whichever of the two schools has a key."""
    sealed = seal_row(
        at,
        actor,
        transfer_id=dispatch.transfer_id,
        sender_id=dispatch.receiving_school_id,
        kind=ItemKind.REMARK,
        name=REMARK_NAME,
        media_type=JSON_TYPE,
        body=remark.encode(),
    )
    place_item(session, dispatch, sealed.item, queries.next_position(session, dispatch_id=dispatch.id))
    for school_id in (dispatch.transfer.sending_school_id, dispatch.receiving_school_id):
        epoch = find_active_epoch(session, at, school_id)
        if epoch is not None:
            grant(
                session,
                at,
                actor,
                dispatch=dispatch,
                item=sealed.item,
                data_key=sealed.data_key,
                recipient_id=school_id,
                epoch=epoch,
            )
    return sealed.item


def _record_breach(session: Session, at: Installation, actor: Actor, dispatch: Dispatch) -> Entry:
    """Start the sending school's 72 hours, and tell its safeguarding leads and head teacher."""
    now = at.now()
    sender_id = dispatch.transfer.sending_school_id
    session.add(
        Breach(
            dispatch_id=dispatch.id,
            school_id=sender_id,
            known_at=now,
            report_by=now + REPORT_WITHIN,
            checklist={},
        )
    )
    alert_school(
        session,
        at,
        AlertKind.BREACH_RECORDED,
        sender_id,
        dispatch=dispatch,
        roles=KEY_HOLDING_ROLES | {Role.HEAD_TEACHER},
    )
    detail = tell("The contents were opened at a school that they were not meant for. The 72 hours began.")
    return leaf_of(actor, Event.BREACH_RECORDED, dispatch, basis=Basis.MISDIRECTED, org=sender_id, detail=detail)


def _logged_digest(session: Session, dispatch: Dispatch) -> bytes | None:
    """The digest of the words, as the newest leaf of sending this dispatch back has it."""
    logged = list_logged(session, dispatch.transfer_id, [Event.DISPATCH_REJECTED])
    return next((leaf.said.digest for leaf in reversed(logged) if leaf.said.dispatch == dispatch.id), None)
