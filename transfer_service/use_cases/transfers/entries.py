"""What is typed into the steps of a new transfer before it is recorded: sealed to whoever types, for two hours.

A pupil's name may stand neither in an address nor in a cookie, and a page that is gone back to must still know it.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Person
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.held_forms import drop_kept, find_kept, keep_for_person, open_kept

ENTRY_LASTS = timedelta(hours=2)


def keep_entry(
    session: Session, at: Installation, actor: Actor, *, entry_id: UUID | None, values: Mapping[str, str]
) -> UUID:
    """Keep what was typed so far in place of what was kept before; return the entry's id, a new one for None.

    It is no act on a pupil's record yet, so it leaves no leaf; `create_transfer` does.
    """
    permissions.check(actor, Permission.PUPIL_RECORD)
    known = entry_id or at.new_id()
    drop_kept(session, person_id=actor.person_id, label=_label(actor, known))
    body = json.dumps(dict(values), ensure_ascii=False).encode()
    keep_for_person(session, at, person_id=actor.person_id, label=_label(actor, known), body=body, lasts=ENTRY_LASTS)
    return known


def get_entry(
    session: Session, at: Installation, actor: Actor, *, entry_id: UUID, person_key: PersonKey
) -> Mapping[str, str]:
    """Open what its author typed so far; raises NotFound for anybody else and once its time is over."""
    permissions.check(actor, Permission.PUPIL_RECORD)
    row = find_kept(session, at, person_id=actor.person_id, label=_label(actor, entry_id))
    body = None if row is None else open_kept(at, row, person_key)
    if body is None:
        raise NotFound("form")
    values: Mapping[str, str] = json.loads(body)
    return values


def lock_entries(session: Session, actor: Actor) -> None:
    """Wait until no other request of this person is recording what was typed, until the commit.

    The person's row is locked, not the kept one: that is replaced by the one that says what was recorded, and who
    waited for it would find nothing.
    """
    permissions.check(actor, Permission.PUPIL_RECORD)
    session.scalars(select(Person.id).where(Person.id == actor.person_id).with_for_update(key_share=True)).one()


def _label(actor: Actor, entry_id: UUID) -> str:
    """Name the kept row: of one school too, so that who acts for another meanwhile does not record it there."""
    return f"new-transfer/{actor.organisation_id}/{entry_id}"
