"""One act at a time on a person. Whoever locks people and a school locks the people first.

Guesses at a password, acts on an account and acts on somebody's roles wait here for one another; what was read before
the wait must be read again.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from transfer_service.db.models import Membership, Person, SignInSession
from transfer_service.db.queries import people as people_queries
from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.session_rows import get_pending


def lock_person(session: Session, person_id: UUID) -> Person:
    """Return a person's row, locked, so that a code, a recovery code, a link or a password is used once."""
    return session.get_one(Person, person_id, with_for_update=True)


def lock_or_add_person(session: Session, at: Installation, *, email: str) -> Person:
    """Return the person with a tidied address, locked; made where there was none, also by two in the same moment."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Person)
        .values(id=at.new_id(), email=email, name="", created_at=at.now())
        .on_conflict_do_nothing(index_elements=["email"])
    )
    return session.scalars(select(Person).where(Person.email == email).with_for_update()).one()


def lock_membership(session: Session, actor: Actor, membership_id: UUID) -> people_queries.MembershipRow | None:
    """Return a membership, its person and place; actor and person are locked, and the actor is signed in still.

    Of two people who end each other's roles in the same moment, one does and the other finds that it was done: else
    a school or an authority could be left with nobody. Raises SessionEnded.
    """
    person_id = session.scalar(select(Membership.person_id).where(Membership.id == membership_id))
    if person_id is None:
        return None
    ids = sorted({actor.person_id, person_id})
    session.execute(select(Person.id).where(Person.id.in_(ids)).order_by(Person.id).with_for_update())
    own = select(SignInSession.id).where(
        SignInSession.id == actor.session_id, SignInSession.person_id == actor.person_id
    )
    if actor.session_id is not None and session.scalar(own) is None:
        raise SessionEnded
    return people_queries.find_membership(session, membership_id)


def lock_pending(session: Session, at: Installation, cookie: bytes) -> tuple[SignInSession, Person]:
    """Return a session that waits for its second factor, and its person, both locked; raises SessionEnded."""
    person = lock_person(session, get_pending(session, at, cookie).person_id)
    return get_pending(session, at, cookie, lock=True), person
