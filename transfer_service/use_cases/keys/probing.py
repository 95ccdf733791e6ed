"""At each unlock a few of the school's grants are tried, so that damage is found before the file is needed.

A key is tried on the first bytes of its ciphertext: one key derivation, and no plaintext.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, Item, ItemGrant
from transfer_service.db.session import Database
from transfer_service.domain.errors import CannotOpen, Conflict
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, open_school_keys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.sealing import open_tried_key
from transfer_service.use_cases.transfers.unopened import check_unchanged, report_failure

TRIED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A grant that did not open its item, which had this revision then."""

    dispatch_id: UUID
    item_id: UUID
    revision: int
    reason: CannotOpen


def probe_grants(
    database: Database,
    at: Installation,
    actor: Actor,
    *,
    person_key: PersonKey,
    storage: Storage,
    choose: Callable[[int], int] = secrets.randbelow,
) -> int:
    """Try a few of the school's grants, chosen by chance; returns how many do not open, each with leaf and alert.

    `choose` takes how many there are and returns which one. Trying itself leaves no leaf: nothing is opened. A dispatch
    is reported once. Raises KeyMissing, CannotOpen where the school's key itself is damaged, StorageUnavailable.
    """
    school_id = actor.organisation_id
    if school_id is None or not actor.effective_roles & KEY_HOLDING_ROLES:
        return 0
    with database.reading() as session:
        chosen = _choose(session, school_id, choose)
        if not chosen:
            return 0
        keys = open_school_keys(session, at, actor, person_key)
        tried = [_try(session, at, storage, keys, grant) for grant in chosen]
    failures = [found for found in tried if found is not None]
    return sum(_report(database, at, actor, failure) for failure in failures)


def _choose(session: Session, school_id: UUID, choose: Callable[[int], int]) -> Sequence[ItemGrant]:
    counted = session.scalar(select(func.count()).select_from(ItemGrant).where(ItemGrant.recipient_id == school_id))
    places = {choose(counted) for _ in range(TRIED)} if counted else set()
    of_school = select(ItemGrant).where(ItemGrant.recipient_id == school_id).order_by(ItemGrant.id)
    found = [session.scalar(of_school.offset(place).limit(1)) for place in sorted(places)]
    return [grant for grant in found if grant is not None]


def _try(session: Session, at: Installation, storage: Storage, keys: SchoolKeys, grant: ItemGrant) -> Failure | None:
    item = session.get_one(Item, grant.item_id)
    dispatch = session.get_one(Dispatch, grant.dispatch_id)
    if grant.epoch not in keys.epochs and grant.epoch not in keys.destroyed:
        return None  # somebody else's to open: this person was never granted that epoch
    try:
        open_tried_key(at, storage, keys, dispatch=dispatch, item=item, grants=[grant])
    except CannotOpen as reason:
        return Failure(dispatch_id=dispatch.id, item_id=item.id, revision=item.revision, reason=reason)
    return None


def _report(database: Database, at: Installation, actor: Actor, failure: Failure) -> bool:
    """Leave leaf and alert; False where the item was encrypted again meanwhile, so that there is nothing to report."""
    with database.writing() as session:
        dispatch = session.get_one(Dispatch, failure.dispatch_id, with_for_update=True)
        try:
            check_unchanged(session, {failure.item_id: failure.revision})
        except Conflict:
            return False
        leaves = report_failure(session, at, actor, dispatch, failure.reason, item_id=failure.item_id, once=True)
        if leaves:
            record_all(session, at, leaves)
    return True
