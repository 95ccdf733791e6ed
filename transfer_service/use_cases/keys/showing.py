"""A school's key as its holders see it: since when, and as words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.db.models import School
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, OrganisationKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.granting import get_own_words
from transfer_service.use_cases.keys.holding import authentic_epoch

RENEWED_AFTER: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """A school's active key and the actor's own, as eight words each. `words` is empty where there is no key yet."""

    school_name: str
    number: int | None
    made_at: datetime | None
    words: tuple[str, ...]
    own_words: tuple[str, ...]
    holders: int
    is_old: bool = False
    """Whether it was made more than a year ago: a school makes a new one each year."""


def show_school_key(session: Session, at: Installation, actor: Actor) -> ShownKey:
    """Return the key of the actor's school; raises NotFound elsewhere, PermissionRefused, CannotOpen."""
    if actor.organisation_kind is not OrganisationKind.SCHOOL or actor.organisation_id is None:
        raise NotFound("school")
    permissions.check(actor, Permission.KEYS_GRANT)
    row = key_queries.find_active_epoch_row(session, actor.organisation_id)
    return ShownKey(
        school_name=session.get_one(School, actor.organisation_id).name,
        number=row.number if row else None,
        made_at=row.created_at if row else None,
        words=authentic_epoch(at, row).public.fingerprint.words() if row else (),
        own_words=get_own_words(session, at, actor),
        holders=key_queries.count_holders(session, actor.organisation_id),
        is_old=row is not None and at.now() - row.created_at > RENEWED_AFTER,
    )
