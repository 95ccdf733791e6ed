"""Changing one's own name."""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.domain.events import Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.accepting import check_name
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.recording import record


def change_name(session: Session, at: Installation, actor: Actor, *, name: str) -> None:
    """Change the actor's own name as colleagues see it; raises Invalid. The same name again leaves no leaf."""
    tidy = check_name(name)
    person = lock_person(session, actor.person_id)
    if person.name == tidy:
        return
    person.name = tidy
    record(session, at, actor, Event.PERSON_CHANGED, subject=person.id)
