"""Live sessions: who is behind a cookie, in which place they act, and ending them. Nothing here unlocks a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import SignInSession
from transfer_service.db.queries import people as people_queries
from transfer_service.db.queries.people import MembershipRow
from transfer_service.domain.errors import NotFound, SessionEnded
from transfer_service.domain.events import Event
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState, OrganisationKind, Role
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.password_again import VALID_FOR
from transfer_service.use_cases.people.session_rows import IDLE_ENDS, end_sessions_of, find_row, is_live
from transfer_service.use_cases.recording import record, record_all

SEEN_AT_MOST_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place where a person belongs, with the roles that are active there and those that still wait."""

    kind: OrganisationKind
    organisation_id: UUID | None
    name: str
    where: str
    """Town, authority and URN: a school's name alone is not enough to tell it from another."""
    roles: frozenset[Role]
    waiting_roles: frozenset[Role]
    """Roles taken up that an officer or a colleague has yet to approve."""

    @property
    def key(self) -> str:
        """A short text that names the place among those of one person."""
        return self.kind.value if self.kind is OrganisationKind.INSTALLATION else str(self.organisation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A person with a live session. `actor` has no roles where no place was chosen or all roles there wait."""

    actor: Actor
    session_id: UUID
    person_id: UUID
    person_name: str
    email: str
    places: tuple[Place, ...]
    place: Place | None
    expires_at: datetime
    """When it ends if nothing more happens."""
    ends_at: datetime
    """When it ends in any case."""
    password_good_until: datetime
    has_recovery_code: bool
    seen_is_stale: bool
    """Whether `note_seen` is due: at most once a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """One of a person's own live sessions."""

    session_id: UUID
    device_label: str
    started_at: datetime
    last_seen_at: datetime
    is_this: bool


def load_session(
    session: Session, at: Installation, *, cookie: bytes, request_id: str | None = None
) -> LiveSession | None:
    """Return who is behind a cookie, or None where it leads to no live, whole session; four statements at most."""
    row = find_row(session, cookie)
    if row is None or not is_live(row, at.now()):
        return None
    person, has_code = people_queries.get_person_with_code(session, row.person_id)
    places = _places(people_queries.list_memberships_of_person(session, person.id))
    place = _acting_place(row, places)
    return LiveSession(
        actor=_actor(session, row, place, request_id),
        session_id=row.id,
        person_id=person.id,
        person_name=person.name,
        email=person.email,
        places=places,
        place=place,
        expires_at=min(row.last_seen_at + IDLE_ENDS, row.expires_at),
        ends_at=row.expires_at,
        password_good_until=row.password_given_at + VALID_FOR,
        has_recovery_code=has_code,
        seen_is_stale=at.now() - row.last_seen_at >= SEEN_AT_MOST_EVERY,
    )


def note_seen(session: Session, at: Installation, actor: Actor) -> None:
    """Write that the session is in use, which extends it to another half an hour; raises SessionEnded."""
    row = _own_live(session, at, actor)
    row.last_seen_at = at.now()


def choose_place(
    session: Session, at: Installation, actor: Actor, *, kind: OrganisationKind, organisation_id: UUID | None
) -> None:
    """Act for another of one's places from now on; raises NotFound for a place where the person does not belong."""
    places = _places(people_queries.list_memberships_of_person(session, actor.person_id))
    if not any(place.kind is kind and place.organisation_id == organisation_id for place in places):
        raise NotFound("organisation")
    row = _own_live(session, at, actor)
    row.acting_kind, row.acting_organisation_id = kind, organisation_id


def end_session(session: Session, at: Installation, *, cookie: bytes) -> None:
    """Sign out; also a sign-in that was not finished. A cookie that leads nowhere is no error."""
    row = find_row(session, cookie, lock=True)
    if row is None:
        return
    live = is_live(row, at.now())
    actor = _bare_actor(row)
    session.delete(row)
    if live:
        record(session, at, actor, Event.SESSION_ENDED, subject=row.id)


def list_own_sessions(session: Session, at: Installation, actor: Actor) -> Sequence[OwnSession]:
    """List the actor's own live sessions, the newest first."""
    rows = session.scalars(
        select(SignInSession)
        .where(SignInSession.person_id == actor.person_id, SignInSession.expires_at > at.now())
        .order_by(SignInSession.created_at.desc())
    )
    return [
        OwnSession(
            session_id=row.id,
            device_label=row.device_label,
            started_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_this=row.id == actor.session_id,
        )
        for row in rows
        if is_live(row, at.now())
    ]


def end_own_session(session: Session, at: Installation, actor: Actor, *, session_id: UUID) -> None:
    """End one of one's own sessions; raises NotFound."""
    row = session.scalar(
        select(SignInSession)
        .where(SignInSession.id == session_id, SignInSession.person_id == actor.person_id)
        .with_for_update()
    )
    if row is None:
        raise NotFound("session")
    session.delete(row)
    record(session, at, actor, Event.SESSION_ENDED, subject=session_id)


def end_other_sessions(session: Session, at: Installation, actor: Actor) -> int:
    """End all of one's own sessions but this, and trust no device any more; returns how many were ended."""
    leaves = end_sessions_of(session, at, actor, person_id=actor.person_id, besides=actor.session_id)
    record_all(session, at, leaves)
    return len(leaves)


def find_acting_place(session: Session, row: SignInSession) -> Place | None:
    """Return the place for which the person of a session acts, also where the session has ended since."""
    return _acting_place(row, _places(people_queries.list_memberships_of_person(session, row.person_id)))


def _own_live(session: Session, at: Installation, actor: Actor) -> SignInSession:
    row = session.scalar(
        select(SignInSession)
        .where(SignInSession.id == actor.session_id, SignInSession.person_id == actor.person_id)
        .with_for_update()
    )
    if row is None or not is_live(row, at.now()):
        raise SessionEnded
    return row


def _places(rows: Sequence[MembershipRow]) -> tuple[Place, ...]:
    """Gather memberships into places; those only invited to are no places yet."""
    gathered: dict[tuple[OrganisationKind, UUID | None], list[MembershipRow]] = {}
    for row in rows:
        if row.membership.state in (MembershipState.ACTIVE, MembershipState.AWAITING_APPROVAL):
            gathered.setdefault((row.membership.organisation_kind, row.membership.organisation_id), []).append(row)
    return tuple(_place(kind, organisation_id, found) for (kind, organisation_id), found in gathered.items())


def _place(kind: OrganisationKind, organisation_id: UUID | None, rows: Sequence[MembershipRow]) -> Place:
    school, authority = rows[0].school, rows[0].authority
    name, where = "This service", ""
    if school is not None:
        name = school.name
        overseer = "" if authority is None or authority.name == school.town else authority.name
        where = ", ".join(part for part in (school.town, overseer, f"URN {school.urn}") if part)
    elif authority is not None:
        name = authority.name
    return Place(
        kind=kind,
        organisation_id=organisation_id,
        name=name,
        where=where,
        roles=_roles(rows, MembershipState.ACTIVE),
        waiting_roles=_roles(rows, MembershipState.AWAITING_APPROVAL),
    )


def _roles(rows: Sequence[MembershipRow], state: MembershipState) -> frozenset[Role]:
    return frozenset(row.membership.role for row in rows if row.membership.state is state)


def _acting_place(row: SignInSession, places: tuple[Place, ...]) -> Place | None:
    """The place chosen, if the person still belongs there, or the only one."""
    for place in places:
        if row.acting_kind is place.kind and row.acting_organisation_id == place.organisation_id:
            return place
    return places[0] if len(places) == 1 else None


def _actor(session: Session, row: SignInSession, place: Place | None, request_id: str | None) -> Actor:
    if place is None:
        return _bare_actor(row, request_id)
    holds = (
        place.organisation_id is not None
        and bool(place.roles & KEY_HOLDING_ROLES)
        and people_queries.holds_active_key(session, row.person_id, place.organisation_id)
    )
    return Actor(
        person_id=row.person_id,
        organisation_id=place.organisation_id,
        organisation_kind=place.kind,
        roles=place.roles,
        session_id=row.id,
        request_id=request_id,
        holds_keys=holds,
    )


def _bare_actor(row: SignInSession, request_id: str | None = None) -> Actor:
    return Actor(
        person_id=row.person_id,
        organisation_id=None,
        organisation_kind=OrganisationKind.INSTALLATION,
        roles=frozenset(),
        session_id=row.id,
        request_id=request_id,
    )
