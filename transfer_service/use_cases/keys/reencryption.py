"""Encrypting again what a school holds under new data keys, when an earlier key of it may be known (rotation R3).

What counts is when an item was encrypted last: everything from before the school's present key is due. So nothing else
has to be remembered, a round more changes nothing, and whatever is killed is taken up where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import reencryption as queries
from transfer_service.db.session import Database
from transfer_service.domain import permissions
from transfer_service.domain.errors import CannotOpen, Conflict, KeyMissing, ServiceError
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.reencrypting import make_item, prepare_item, swap_item
from transfer_service.use_cases.transfers.unopened import report_failure

AT_ONCE: Final = 50
"""Items in one request: each is a transaction of its own, a large attachment takes a second or two."""
BYTES_AT_ONCE: Final = 128 * 1024 * 1024
"""Sealed bytes in one request, after which no further item is begun."""
DAMAGED_AT_ONCE: Final = 50
"""How many that do not open are passed over in one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reencrypted:
    """How far a school has come since it made its present key; `is_begun` once it encrypted something again."""

    epoch: int | None
    done: int
    left: int
    is_begun: bool
    is_wanted: bool
    """Whether the present key came after one that was put out of use or lost, so that the data keys may be known."""

    @property
    def total(self) -> int:
        """Everything that the school may encrypt."""
        return self.done + self.left


def get_reencryption(session: Session, actor: Actor) -> Reencrypted:
    """Return how much of what the actor's school holds is older than its key; raises NotFound, PermissionRefused."""
    school_id = school_of(actor)
    permissions.check(actor, Permission.KEYS_GRANT)
    active = key_queries.find_active_epoch_row(session, school_id)
    if active is None:
        return Reencrypted(epoch=None, done=0, left=0, is_begun=False, is_wanted=False)
    done, left = queries.count_items(session, school_id, since=active.created_at)
    return Reencrypted(
        epoch=active.number,
        done=done,
        left=left,
        is_begun=queries.has_begun(session, school_id, since=active.created_at),
        is_wanted=active.number > 1 and active.previous_signature is None,
    )


def reencrypt_all(
    database: Database,
    at: Installation,
    actor: Actor,
    *,
    person_key: PersonKey,
    storage: Storage,
    at_most: int = AT_ONCE,
) -> Reencrypted:
    """Encrypt again what is due, at most so many items; the next call goes on. Returns how far the school has come.

    Takes the database, because each item is committed by itself. An item that does not open stays as it is, with a
    leaf and an alert once; one that somebody changes meanwhile is left to the next call. Raises NotFound,
    PermissionRefused, NeedsPassword, KeyMissing, CannotOpen where the school's own key is damaged, StorageUnavailable.
    """
    after: UUID | None = None
    done = damaged = size = 0
    while done < at_most and damaged < DAMAGED_AT_ONCE and size < BYTES_AT_ONCE:
        with database.reading() as session:
            item_id = _find_next(session, at, actor, person_key=person_key, after=after)
        if item_id is None:
            break
        try:
            size += reencrypt_item(database, at, actor, item_id=item_id, person_key=person_key, storage=storage)
        except CannotOpen as failure:
            damaged += 1
            _report(database, at, actor, item_id=item_id, failure=failure)
        except Conflict:
            damaged += 1
        else:
            done += 1
        after = item_id
    with database.reading() as session:
        return get_reencryption(session, actor)


def reencrypt_item(
    database: Database, at: Installation, actor: Actor, *, item_id: UUID, person_key: PersonKey, storage: Storage
) -> int:
    """Encrypt one item again for everybody who holds it; returns its length in bytes. The old bytes go at the end.

    Raises Conflict where somebody changed it meanwhile or it is not due, CannotOpen where it is damaged, and as
    `reencrypt_all`.
    """
    school_of(actor)
    permissions.check(actor, Permission.KEYS_GRANT)
    with database.reading() as session:
        check_password_is_recent(session, at, actor)
        prepared = prepare_item(session, at, open_school_keys(session, at, actor, person_key), item_id)
    made = make_item(at, storage, prepared)
    try:
        with database.writing() as session:
            check_password_is_recent(session, at, actor)
            swap_item(session, at, actor, open_school_keys(session, at, actor, person_key), made)
    except ServiceError:
        if made.blob_key is not None:
            storage.delete(made.blob_key)
        raise
    if prepared.blob_key is not None:
        # Where the process dies before this, no row names the old bytes any more, and the sweep takes them.
        storage.delete(prepared.blob_key)
    return made.made.ciphertext_length


def _find_next(
    session: Session, at: Installation, actor: Actor, *, person_key: PersonKey, after: UUID | None
) -> UUID | None:
    """Return the next item that is due and that this person can open; what she was never granted is no damage."""
    school_id = school_of(actor)
    permissions.check(actor, Permission.KEYS_GRANT)
    since = key_queries.get_active_since(session, school_id)
    if since is None:
        raise KeyMissing
    epochs = open_school_keys(session, at, actor, person_key).epochs
    found = queries.list_due_items(session, school_id, epochs=list(epochs), since=since, after=after, limit=1)
    return found[0] if found else None


def _report(database: Database, at: Installation, actor: Actor, *, item_id: UUID, failure: CannotOpen) -> None:
    with database.writing() as session:
        held = queries.list_own_grants(session, item_id, school_of(actor))
        if not held:
            return
        dispatch = session.get_one(Dispatch, held[0][1].id, with_for_update=True)
        leaves = report_failure(session, at, actor, dispatch, failure, item_id=item_id, once=True)
        if leaves:
            record_all(session, at, leaves)
