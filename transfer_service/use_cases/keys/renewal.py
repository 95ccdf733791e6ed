"""What is left to do of a renewal of the school's key, and going on with it at the next unlock of a key holder.

A new key is the first step; sealing everything to it the second, and where an earlier key may be known, encrypting
everything again the third. The second goes on by itself whenever a key holder signs in, and the third once somebody
has begun it: no step is forgotten because somebody closed the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import reencryption as queries
from transfer_service.db.session import Database
from transfer_service.domain import permissions
from transfer_service.domain.calendars import local_day
from transfer_service.domain.keys import RENEWAL_NOTICE, renewal_due_on
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, OrganisationKind
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.reencryption import get_reencryption, reencrypt_all
from transfer_service.use_cases.keys.rotation import get_progress, reseal_all

ROUNDS_AT_UNLOCK: Final = 4
ITEMS_AT_UNLOCK: Final = 5
"""So that nobody waits for long after signing in; the page does more at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTasks:
    """What a key holder has to do about the school's key; nothing where all is zero and `renew_by` is None."""

    to_seal: int = 0
    """Grants that are still to earlier keys."""
    to_encrypt: int = 0
    """Items to be encrypted again, where that was begun or an earlier key may be known."""
    renew_by: date | None = None
    """By when a new key is to be made, told a month before."""
    is_overdue: bool = False

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.to_seal or self.to_encrypt or self.renew_by)


NOTHING: Final = KeyTasks()


def list_key_tasks(session: Session, at: Installation, actor: Actor) -> KeyTasks:
    """Tell what is left to do about the key of the actor's school; nothing for those who hold no key."""
    if not _may_renew(actor) or actor.organisation_id is None:
        return NOTHING
    active = key_queries.find_active_epoch_row(session, actor.organisation_id)
    if active is None:
        return NOTHING
    today, due_on = local_day(at.now()), renewal_due_on(local_day(active.created_at))
    # A first key has nothing before it: most schools are asked no more than this.
    is_first = active.number == 1
    may_be_known = not is_first and active.previous_signature is None
    wants_encryption = may_be_known or (
        not is_first and queries.has_begun(session, actor.organisation_id, since=active.created_at)
    )
    return KeyTasks(
        to_seal=0 if is_first else get_progress(session, actor).left,
        to_encrypt=get_reencryption(session, actor).left if wants_encryption else 0,
        renew_by=due_on if today >= due_on - RENEWAL_NOTICE else None,
        is_overdue=today > due_on,
    )


def go_on(database: Database, at: Installation, actor: Actor, *, person_key: PersonKey, storage: Storage) -> KeyTasks:
    """Do some of what is left, as much as somebody who signs in may wait for, and return what is left then.

    What was not begun is not begun here: encrypting again starts on its page. Raises as `reseal_all` and
    `reencrypt_all`.
    """
    if not _may_renew(actor):
        return NOTHING
    with database.reading() as session:
        tasks = list_key_tasks(session, at, actor)
        has_begun = bool(tasks.to_encrypt) and get_reencryption(session, actor).is_begun
    if tasks.to_seal:
        reseal_all(database, at, actor, person_key=person_key, rounds=ROUNDS_AT_UNLOCK)
    if has_begun:
        reencrypt_all(database, at, actor, person_key=person_key, storage=storage, at_most=ITEMS_AT_UNLOCK)
    if not tasks.to_seal and not has_begun:
        return tasks
    with database.reading() as session:
        return list_key_tasks(session, at, actor)


def _may_renew(actor: Actor) -> bool:
    return (
        actor.organisation_kind is OrganisationKind.SCHOOL
        and actor.holds_keys
        and permissions.can(actor, Permission.KEYS_GRANT)
    )
