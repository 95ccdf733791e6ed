"""The grants of an item that was encrypted again: for each school that holds it a new one, and then the old ones go.

A school that has a key in use gets the new grant to that one; another to the epochs that it had grants for. Rows for a
school that nobody sent the item to by signature are not made anew: somebody else wrote them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, Item, ItemGrant
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.keys.public_keys import PublicEpoch, find_active_epoch, get_public_epoch
from transfer_service.use_cases.transfers.sealing import open_key, seal_key


def exchange_grants(
    session: Session,
    at: Installation,
    actor: Actor,
    keys: SchoolKeys,
    *,
    item: Item,
    dispatches: Mapping[UUID, Dispatch],
    holders: frozenset[UUID],
    data_key: DataKey,
) -> None:
    """Seal the new key for each dispatch and school, read every grant back, and delete those that were replaced.

    The item's row has its new commitment already. One's own grants are opened, those of others compared with what was
    made. Raises CannotOpen(GRANT_UNREADABLE) where one is not as it should be.
    """
    places: dict[tuple[UUID, UUID], list[ItemGrant]] = defaultdict(list)
    for row in session.scalars(select(ItemGrant).where(ItemGrant.item_id == item.id).order_by(ItemGrant.id)):
        places[row.dispatch_id, row.recipient_id].append(row)
    made: dict[UUID, bytes] = {}
    replaced: list[ItemGrant] = []
    for (dispatch_id, school_id), rows in places.items():
        is_entitled = school_id in holders and dispatch_id in dispatches
        epochs = _find_epochs(session, at, school_id, rows) if is_entitled else []
        for epoch in epochs:
            sealed = seal_key(at, dispatch=dispatches[dispatch_id], item=item, data_key=data_key, epoch=epoch)
            row = _put_grant(at, actor, rows, epoch=epoch, sealed=sealed)
            session.add(row)
            made[row.id] = sealed
        kept = {epoch.number for epoch in epochs}
        replaced += [row for row in rows if row.epoch not in kept]
    session.flush()
    _read_back(session, at, keys, item=item, dispatches=dispatches, made=made, data_key=data_key)
    for row in replaced:
        session.delete(row)
    session.flush()


def _find_epochs(session: Session, at: Installation, school_id: UUID, rows: Sequence[ItemGrant]) -> list[PublicEpoch]:
    active = find_active_epoch(session, at, school_id)
    if active is not None:
        return [active]
    found = [get_public_epoch(session, at, school_id, number) for number in sorted({row.epoch for row in rows})]
    return [epoch for epoch in found if epoch.state is not KeyState.DESTROYED]


def _put_grant(
    at: Installation, actor: Actor, rows: Sequence[ItemGrant], *, epoch: PublicEpoch, sealed: bytes
) -> ItemGrant:
    """Return the row of a grant with its new bytes: the one to this epoch where there is one, else another."""
    row = next((one for one in rows if one.epoch == epoch.number), None)
    if row is None:
        like = rows[0]
        row = ItemGrant(
            id=at.new_id(), item_id=like.item_id, dispatch_id=like.dispatch_id, recipient_id=like.recipient_id
        )
    row.epoch = epoch.number
    row.fingerprint = epoch.public.fingerprint.digest
    row.suite = epoch.public.suite
    row.sealed = sealed
    row.created_at = at.now()
    row.created_by = actor.person_id
    return row


def _read_back(
    session: Session,
    at: Installation,
    keys: SchoolKeys,
    *,
    item: Item,
    dispatches: Mapping[UUID, Dispatch],
    made: Mapping[UUID, bytes],
    data_key: DataKey,
) -> None:
    stored = session.scalars(
        select(ItemGrant).where(ItemGrant.id.in_(list(made))).execution_options(populate_existing=True)
    ).all()
    own = [row for row in stored if row.recipient_id == keys.school_id]
    opened = [
        open_key(at, keys, dispatch=dispatches[row.dispatch_id], item=item, grants=[row]) == data_key for row in own
    ]
    if {row.id: row.sealed for row in stored} != made or not opened or not all(opened):
        raise CannotOpen(OpeningFailure.GRANT_UNREADABLE)
