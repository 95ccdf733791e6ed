"""Shredding what the receiving school holds itself by now: a conduit, not an archive.

Never before the receiving school has exported the whole file and a DSL has stated that it is filed in the school's
own system, and never while a legal hold stands (docs/exchange.md, "Conduit, not archive"). Receipts and the log stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record

KEPT_AFTER_FILING: Final = timedelta(days=30)
"""How long sealed items stay after the receiving school exported and filed them."""
_LIVE: Final = (Status.DRAFT, Status.WAITING, Status.SENT, Status.OPENED, Status.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """What was shredded of one dispatch; `blob_keys` are to be deleted from the store after the commit."""

    dispatch_id: UUID
    items: int
    grants: int
    blob_keys: tuple[str, ...]


def list_due_for_shredding(session: Session, *, now: datetime, limit: int | None = None) -> list[UUID]:
    """List the dispatches whose items may be shredded now, those filed first first."""
    before = now - KEPT_AFTER_FILING
    return list(
        session.scalars(
            select(Dispatch.id)
            .where(
                Dispatch.status == Status.ACKNOWLEDGED,
                Dispatch.kind != DispatchKind.NIL,
                Dispatch.exported_at <= before,
                Dispatch.filed_at <= before,
                ~Dispatch.legal_hold,
                Dispatch.shredded_at.is_(None),
            )
            .order_by(Dispatch.filed_at, Dispatch.id)
            .limit(limit)
        )
    )


def shred_dispatch(session: Session, at: Installation, *, dispatch_id: UUID) -> Shredded:
    """Delete the grants and ciphertexts of one dispatch, and leave the leaf that says so.

    An item that another live dispatch carries, or one under legal hold, keeps its ciphertext for that one; this
    dispatch's grants go. Blobs are named and not deleted: do that after the commit, and the sweep of orphans does it
    where the process dies in between. Raises RuleForbids unless the dispatch is due.
    """
    now = at.now()
    dispatch = _get_due(session, dispatch_id, now)
    shredded = erase_contents(session, dispatch, now)
    record(
        session,
        at,
        None,
        Event.DISPATCH_SHREDDED,
        basis=Basis.RETENTION,
        subject=dispatch.id,
        transfer=dispatch.transfer_id,
        dispatch=dispatch.id,
        org=dispatch.receiving_school_id,
        digest=dispatch.manifest_hash,
    )
    return shredded


def erase_contents(session: Session, dispatch: Dispatch, now: datetime) -> Shredded:
    """Delete a dispatch's grants and the ciphertexts that no other dispatch needs; for shredding and its replay."""
    item_ids = [place.item_id for place in dispatch.items]
    kept = _carried_elsewhere(session, item_ids, dispatch.id)
    going = [item_id for item_id in item_ids if item_id not in kept]
    grants = session.execute(
        delete(ItemGrant).where(
            ItemGrant.item_id.in_(going) | ((ItemGrant.dispatch_id == dispatch.id) & ItemGrant.item_id.in_(item_ids))
        )
    )
    blob_keys = _erase(session, going, now)
    dispatch.shredded_at = now
    return Shredded(
        dispatch_id=dispatch.id,
        items=len(going),
        grants=grants.rowcount,  # type: ignore[attr-defined]
        blob_keys=blob_keys,
    )


def _get_due(session: Session, dispatch_id: UUID, now: datetime) -> Dispatch:
    """Lock the dispatch and look again whether it is due; raises RuleForbids."""
    dispatch = session.scalars(select(Dispatch).where(Dispatch.id == dispatch_id).with_for_update()).one()
    if not _is_due(dispatch, now):
        raise RuleForbids(
            "not_due_for_shredding",
            "This file may not be shredded yet. It must be acknowledged, exported, stated as filed for 30 days, and "
            "under no legal hold.",
        )
    return dispatch


def _is_due(dispatch: Dispatch, now: datetime) -> bool:
    before = now - KEPT_AFTER_FILING
    return (
        dispatch.status is Status.ACKNOWLEDGED
        and dispatch.kind is not DispatchKind.NIL
        and dispatch.exported_at is not None
        and dispatch.filed_at is not None
        and max(dispatch.exported_at, dispatch.filed_at) <= before
        and not dispatch.legal_hold
        and dispatch.shredded_at is None
    )


def _carried_elsewhere(session: Session, item_ids: list[UUID], dispatch_id: UUID) -> set[UUID]:
    """Return the items that another dispatch still needs: one that is live and unshredded, or under legal hold."""
    other = aliased(Dispatch)
    return set(
        session.scalars(
            select(DispatchItem.item_id).where(
                DispatchItem.item_id.in_(item_ids),
                exists().where(
                    other.id == DispatchItem.dispatch_id,
                    other.id != dispatch_id,
                    other.shredded_at.is_(None),
                    or_(other.status.in_(_LIVE), other.legal_hold),
                ),
            )
        )
    )


def _erase(session: Session, item_ids: list[UUID], now: datetime) -> tuple[str, ...]:
    """Take the ciphertexts out of their rows and return the keys of those in the store."""
    blob_keys = []
    for item in session.scalars(select(Item).where(Item.id.in_(item_ids)).order_by(Item.id)):
        if item.blob_key is not None:
            blob_keys.append(item.blob_key)
        item.ciphertext, item.blob_key, item.shredded_at = None, None, now
    return tuple(blob_keys)
