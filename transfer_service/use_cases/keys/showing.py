"""A school's key as its holders see it: since when, and as words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from transfer_service.db.models import School
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain import permissions
from transfer_service.domain.calendars import local_day
from transfer_service.domain.keys import renewal_due_on
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.granting import get_own_words
from transfer_service.use_cases.keys.public_keys import authentic_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """A school's active key and the actor's own, as eight words each. `words` is empty where there is no key yet."""

    school_name: str
    number: int | None
    made_at: datetime | None
    words: tuple[str, ...]
    own_words: tuple[str, ...]
    holders: int
    renew_by: date | None = None
    """By when the school makes a new one: it does so each year."""
    is_due: bool = False


def show_school_key(session: Session, at: Installation, actor: Actor) -> ShownKey:
    """Return the key of the actor's school; raises NotFound elsewhere, PermissionRefused, CannotOpen."""
    school_id = school_of(actor)
    permissions.check(actor, Permission.KEYS_GRANT)
    row = key_queries.find_active_epoch_row(session, school_id)
    due_on = renewal_due_on(local_day(row.created_at)) if row else None
    return ShownKey(
        school_name=session.get_one(School, school_id).name,
        number=row.number if row else None,
        made_at=row.created_at if row else None,
        words=authentic_epoch(at, row).public.fingerprint.words() if row else (),
        own_words=get_own_words(session, at, actor),
        holders=key_queries.count_holders(session, school_id),
        renew_by=due_on,
        is_due=due_on is not None and due_on <= local_day(at.now()),
    )
