"""What the composition root wires for every page: who is behind a cookie, and keeping a form that came too late."""

from __future__ import annotations

from collections.abc import Callable

from transfer_service.db.session import Database
from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.roles import ROLE_LABELS, Role
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.held_forms import hold_form
from transfer_service.use_cases.people.sessions import LiveSession, Place, load_session, note_seen
from transfer_service.web.people import SignedIn


def session_finder(database: Database, at: Installation) -> Callable[[bytes, str], SignedIn | None]:
    """Give what finds the person behind a cookie, and notes at most once a minute that the session is in use."""

    def find(token: bytes, request_id: str) -> SignedIn | None:
        with database.reading() as session:
            live = load_session(session, at, cookie=token, request_id=request_id)
        if live is not None and live.seen_is_stale:
            try:
                with database.writing() as session:
                    note_seen(session, at, live.actor)
            except SessionEnded:
                return None  # ended between the two transactions, by another tab or a colleague
            with database.reading() as session:
                live = load_session(session, at, cookie=token, request_id=request_id)
        return None if live is None else _signed_in(live, token)

    return find


def form_holder(database: Database, at: Installation) -> Callable[[bytes, str, bytes], bool]:
    """Give what seals a form to the person of an ended session; it says whether the form is kept."""

    def hold(token: bytes, path: str, body: bytes) -> bool:
        with database.writing() as session:
            return hold_form(session, at, cookie=token, path=path, body=body) is not None

    return hold


def say_roles(place: Place) -> str:
    """The roles that a person has at a place, in words; those that wait are said to."""
    labels = [ROLE_LABELS[role] for role in Role if role in place.roles]
    labels += [f"{ROLE_LABELS[role]} (waiting for approval)" for role in Role if role in place.waiting_roles]
    return ", ".join(labels)


def _signed_in(live: LiveSession, token: bytes) -> SignedIn:
    place = live.place
    return SignedIn(
        actor=live.actor,
        person_name=live.person_name,
        role_label=say_roles(place) if place else "",
        organisation_name=place.name if place else "",
        organisation_place=place.where if place else "",
        expires_at=live.expires_at,
        ends_at=live.ends_at,
        can_switch=len(live.places) > 1,
        token=token,
    )
