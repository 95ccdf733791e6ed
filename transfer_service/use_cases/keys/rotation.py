"""Renewing a school's key in earnest: what earlier epochs seal is sealed to the active one (docs/keys.md, rule 10).

Each round is a transaction of its own and does one of two things for every grant to an earlier epoch: it makes the
grant to the active epoch; or, where that one was committed before, it reads both back, compares what they open to, and
deletes the old one. Whatever is killed in between is taken up by the next round; a round more changes nothing.
An earlier epoch to which nothing is sealed any more is destroyed a day after it was retired: somebody's upload may have
begun under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto import formats
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, Item, ItemGrant, KeyGrant, SchoolEpoch
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.session import Database
from transfer_service.domain import permissions
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import KeyState
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, get_own_epoch, open_school_keys
from transfer_service.use_cases.keys.leaves import epoch_leaf
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import PublicEpoch, authentic_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.sealing import grant, open_key

AT_ONCE: Final = 250
"""Grants in one transaction: about 50 ms of sealing and opening."""
KEPT_AFTER_RETIRING: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the renewal has come: grants to the active epoch, grants left on earlier ones, and earlier epochs."""

    epoch: int | None
    renewed: int
    left: int
    earlier_epochs: int

    @property
    def total(self) -> int:
        """All grants of the school."""
        return self.renewed + self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one transaction did: grants made, old ones let go of, old ones that could not be opened; where it ended."""

    made: int
    released: int
    unreadable: int
    last: UUID | None


def get_progress(session: Session, actor: Actor) -> Progress:
    """Return how much is still sealed to earlier epochs of the actor's school; raises NotFound, PermissionRefused."""
    school_id = school_of(actor)
    permissions.check(actor, Permission.KEYS_GRANT)
    epochs = key_queries.list_undestroyed_epochs(session, school_id)
    active = next((row.number for row in epochs if row.state is KeyState.ACTIVE), None)
    counts = dict(
        session.execute(
            select(ItemGrant.epoch, func.count()).where(ItemGrant.recipient_id == school_id).group_by(ItemGrant.epoch)
        ).all()
    )
    renewed = counts.get(active, 0) if active is not None else 0
    return Progress(
        epoch=active,
        renewed=renewed,
        left=sum(counts.values()) - renewed,
        earlier_epochs=sum(row.state is KeyState.RETIRED for row in epochs),
    )


def reseal_all(
    database: Database, at: Installation, actor: Actor, *, person_key: PersonKey, rounds: int = 40
) -> Progress:
    """Seal what the school holds to its active epoch, in at most so many transactions; the next call goes on.

    Takes the database, because each round is committed by itself. Grants that do not open stay as they are, and are
    told in the progress as left. Raises NotFound, PermissionRefused, KeyMissing, CannotOpen.
    """
    after: UUID | None = None
    has_changed = False
    for _ in range(rounds):
        with database.writing() as session:
            done = reseal_round(session, at, actor, person_key=person_key, after=after)
        has_changed = has_changed or bool(done.made or done.released)
        after = done.last
        if after is None:
            if not has_changed:
                break
            has_changed = False
    with database.writing() as session:
        destroy_empty_epochs(session, at, actor)
    with database.reading() as session:
        return get_progress(session, actor)


def reseal_round(
    session: Session, at: Installation, actor: Actor, *, person_key: PersonKey, after: UUID | None = None
) -> Round:
    """Do the next grants after the one named; `last` is None at the end of the sweep. Raises as `reseal_all`."""
    school_id = school_of(actor)
    lock_school(session, school_id)
    permissions.check(actor, Permission.KEYS_GRANT)
    keys = open_school_keys(session, at, actor, person_key)
    epoch = get_own_epoch(session, at, keys)
    olds = _list_old(session, school_id, epoch.number, after)
    news = _find_new(session, school_id, epoch.number, [old.item_id for old, _, _ in olds])
    begun: set[tuple[UUID, UUID]] = set()
    made = released = unreadable = 0
    for old, item, dispatch in olds:
        place = (old.item_id, old.dispatch_id)
        if place in begun:
            continue  # a grant to another earlier epoch brought the new one about just now: the next round goes on
        new = news.get(place)
        try:
            if new is None:
                _grant_anew(session, at, actor, keys, old=old, item=item, dispatch=dispatch, epoch=epoch)
                begun.add(place)
                made += 1
            else:
                _release(session, at, keys, old=old, new=new, item=item, dispatch=dispatch)
                released += 1
        except CannotOpen:
            unreadable += 1
    if made or released:
        detail = {"made": made, "released": released, "unreadable": unreadable}
        record_all(session, at, [epoch_leaf(actor, Event.GRANTS_RENEWED, epoch, basis=Basis.ROLE, detail=detail)])
    last = olds[-1][0].id if len(olds) == AT_ONCE else None
    return Round(made=made, released=released, unreadable=unreadable, last=last)


def destroy_empty_epochs(session: Session, at: Installation, actor: Actor) -> int:
    """Destroy the school's epochs that were retired a day ago and seal nothing any more: every grant of them goes.

    Returns how many; the public halves stay, to check what was signed with them. Raises NotFound, PermissionRefused.
    """
    school_id = school_of(actor)
    permissions.check(actor, Permission.KEYS_GRANT)
    if not key_queries.list_empty_epochs(session, school_id, retired_before=at.now() - KEPT_AFTER_RETIRING):
        return 0
    lock_school(session, school_id)
    rows = key_queries.list_empty_epochs(session, school_id, retired_before=at.now() - KEPT_AFTER_RETIRING)
    leaves = [_destroy(session, at, actor, row) for row in rows]
    record_all(session, at, leaves)
    return len(leaves)


def _destroy(session: Session, at: Installation, actor: Actor, row: SchoolEpoch) -> Entry:
    epoch = authentic_epoch(at, row)
    session.execute(delete(KeyGrant).where(KeyGrant.school_epoch_id == row.id))
    row.state = KeyState.DESTROYED
    row.destroyed_at = at.now()
    row.mac = at.field_keys.authenticate_public_key(
        epoch.public, kind=formats.KeyKind.EPOCH, owner=row.school_id, epoch=row.number, state=row.state.value
    )
    return epoch_leaf(actor, Event.EPOCH_DESTROYED, epoch, basis=Basis.RULE)


def _list_old(
    session: Session, school_id: UUID, active: int, after: UUID | None
) -> Sequence[tuple[ItemGrant, Item, Dispatch]]:
    statement = (
        select(ItemGrant, Item, Dispatch)
        .join(Item, Item.id == ItemGrant.item_id)
        .join(Dispatch, Dispatch.id == ItemGrant.dispatch_id)
        .where(ItemGrant.recipient_id == school_id, ItemGrant.epoch != active)
        .order_by(ItemGrant.id)
        .limit(AT_ONCE)
    )
    if after is not None:
        statement = statement.where(ItemGrant.id > after)
    return session.execute(statement).all()


def _find_new(
    session: Session, school_id: UUID, active: int, item_ids: Sequence[UUID]
) -> dict[tuple[UUID, UUID], ItemGrant]:
    found = session.scalars(
        select(ItemGrant).where(
            ItemGrant.recipient_id == school_id, ItemGrant.epoch == active, ItemGrant.item_id.in_(item_ids)
        )
    )
    return {(row.item_id, row.dispatch_id): row for row in found}


def _grant_anew(
    session: Session,
    at: Installation,
    actor: Actor,
    keys: SchoolKeys,
    *,
    old: ItemGrant,
    item: Item,
    dispatch: Dispatch,
    epoch: PublicEpoch,
) -> None:
    data_key = open_key(at, keys, dispatch=dispatch, item=item, grants=[old])
    grant(
        session,
        at,
        actor,
        dispatch=dispatch,
        item=item,
        data_key=data_key,
        recipient_id=keys.school_id,
        epoch=epoch,
    )


def _release(
    session: Session,
    at: Installation,
    keys: SchoolKeys,
    *,
    old: ItemGrant,
    new: ItemGrant,
    item: Item,
    dispatch: Dispatch,
) -> None:
    """Delete the old grant where both open to the same key. A new one that does not is made again from the old."""
    data_key = open_key(at, keys, dispatch=dispatch, item=item, grants=[old])
    try:
        is_same = open_key(at, keys, dispatch=dispatch, item=item, grants=[new]) == data_key
    except CannotOpen:
        is_same = False
    session.delete(old if is_same else new)
    session.flush()
