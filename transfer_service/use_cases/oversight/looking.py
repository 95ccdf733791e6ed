"""Every look of an authority is in the log before anything is shown.

A page takes a `Look` in a writing transaction; what it then reads asks for that look. So nothing can be listed whose
leaf is not committed, and a look at one thing does not serve for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody's look at something stands in the log, as the leaf `leaf`."""

    person_id: UUID
    event: Event
    subject: UUID | None
    leaf: int


def record_look(
    session: Session,
    at: Installation,
    actor: Actor,
    event: Event,
    *,
    permission: Permission,
    subject: UUID | None = None,
    transfer: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> Look:
    """Check that the actor may look, and append the leaf of it; raises PermissionRefused, LogFrozen."""
    permissions.check(actor, permission)
    position = record(session, at, actor, event, basis=Basis.ROLE, subject=subject, transfer=transfer, detail=detail)
    return Look(person_id=actor.person_id, event=event, subject=subject, leaf=position.idx)


def check_look(look: Look, actor: Actor, event: Event, *, subject: UUID | None = None) -> None:
    """Insist on a look of this actor at this very thing; raises NotFound where it is another one's."""
    if (look.person_id, look.event, look.subject) != (actor.person_id, event, subject):
        raise NotFound
