"""Forms that came in after their session had ended: sealed to their author for an hour, shown again after sign-in.

Nothing was acted on. The same way keeps what must be shown twice but known to the person alone: a second factor or
a recovery code that is being set up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, delete, not_, select
from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.held_forms import open_form, seal_form
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.values import Fingerprint
from transfer_service.db.models import HeldForm
from transfer_service.domain.errors import NotFound, TooLarge
from transfer_service.domain.roles import Actor
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import authentic_person_key, find_person_key
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.people.session_rows import find_row
from transfer_service.use_cases.people.sessions import find_acting_place

HELD_FOR: Final = timedelta(hours=1)
LARGEST_FORM: Final = 1024 * 1024
_MOST_HELD: Final = 5
# A form as browsers send it holds no line end, so that what is before the first is the place.
_BETWEEN: Final = b"\n"
_RECENTLY_ENDED: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFormBody:
    """What was typed, as it was posted, and where to."""

    path: str
    body: bytes = field(repr=False)
    place: str
    """The key of the place for which it was typed (`Place.key`); empty where none was chosen."""


def hold_form(session: Session, at: Installation, *, cookie: bytes, path: str, body: bytes) -> UUID | None:
    """Keep a form whose session has ended; returns its id, or None where the cookie tells nobody's.

    `path` is the page's local path, and holds no name. What was shown already makes room for what was not. Raises
    TooLarge for more than a megabyte.
    """
    if len(body) > LARGEST_FORM:
        raise TooLarge(LARGEST_FORM)
    row = find_row(session, cookie)
    if row is None or row.stage is not SessionStage.FULL or row.expires_at + _RECENTLY_ENDED <= at.now():
        return None
    if not path.startswith("/") or path.startswith("//"):
        return None
    lock_person(session, row.person_id)
    held = session.scalars(_forms(at, row.person_id).order_by(HeldForm.shown.desc(), HeldForm.created_at)).all()
    if len(held) >= _MOST_HELD:
        if not held[0].shown:
            return None
        session.delete(held[0])
    place = find_acting_place(session, row)
    whole = _BETWEEN.join([(place.key if place else "").encode(), path.encode(), body])
    return keep_for_person(session, at, person_id=row.person_id, label=path, body=whole).id


def find_held_form(session: Session, at: Installation, actor: Actor) -> tuple[UUID, str] | None:
    """Return the id and path of the newest form that waits for the actor after signing in."""
    row = session.scalar(
        _forms(at, actor.person_id).where(not_(HeldForm.shown)).order_by(HeldForm.created_at.desc()).limit(1)
    )
    return None if row is None else (row.id, row.path)


def take_held_form(
    session: Session, at: Installation, actor: Actor, *, person_key: PersonKey, form_id: UUID
) -> HeldFormBody:
    """Open a held form for its author, once more until its hour is over. Raises NotFound.

    Where it is sent stands sealed beside what was typed: whoever changes the row's path must not lead a note elsewhere.
    """
    row = session.scalar(_forms(at, actor.person_id).where(HeldForm.id == form_id))
    whole = None if row is None else open_kept(at, row, person_key)
    place, path, body = (*(whole or b"").split(_BETWEEN, 2), b"", b"")[:3]
    if row is None or path != row.path.encode():
        raise NotFound("form")
    row.shown = True
    return HeldFormBody(path=row.path, body=body, place=place.decode())


def keep_for_person(
    session: Session, at: Installation, *, person_id: UUID, label: str, body: bytes, lasts: timedelta = HELD_FOR
) -> HeldForm:
    """Seal bytes to a person's present key; raises NotFound where there is none, CannotOpen where not authentic."""
    current = find_person_key(session, person_id)
    if current is None:
        raise NotFound("key")
    public = authentic_person_key(at, current)
    form_id = at.new_id()
    info = _info(
        at,
        form_id=form_id,
        person_id=person_id,
        version=current.version,
        suite=public.suite,
        fingerprint=public.fingerprint,
    )
    sealed_key, ciphertext = seal_form(public, body, info=info)
    row = HeldForm(
        id=form_id,
        person_id=person_id,
        path=label,
        key_version=current.version,
        sealed_key=sealed_key,
        ciphertext=ciphertext,
        created_at=at.now(),
        expires_at=at.now() + lasts,
        shown=False,
    )
    session.add(row)
    session.flush()
    return row


def find_kept(session: Session, at: Installation, *, person_id: UUID, label: str) -> HeldForm | None:
    """Return the newest that is kept for a person under a label that is no path."""
    return session.scalar(
        select(HeldForm)
        .where(HeldForm.person_id == person_id, HeldForm.path == label, HeldForm.expires_at > at.now())
        .order_by(HeldForm.created_at.desc(), HeldForm.id.desc())
        .limit(1)
    )


def drop_kept(session: Session, *, person_id: UUID, label: str) -> None:
    """Delete all that is kept for a person under a label."""
    session.execute(delete(HeldForm).where(HeldForm.person_id == person_id, HeldForm.path == label))


def open_kept(at: Installation, row: HeldForm, person_key: PersonKey) -> bytes | None:
    """Open what is kept for a person; None where it was damaged or is for another key of the person."""
    info = _info(
        at,
        form_id=row.id,
        person_id=row.person_id,
        version=row.key_version,
        suite=person_key.public.suite,
        fingerprint=person_key.fingerprint,
    )
    try:
        return open_form(person_key, row.sealed_key, row.ciphertext, info=info)
    except CryptoError:
        return None


def _forms(at: Installation, person_id: UUID) -> Select[HeldForm]:
    """Choose what a person typed too late, not what is kept for other ends: its label is a path."""
    return select(HeldForm).where(
        HeldForm.person_id == person_id, HeldForm.expires_at > at.now(), HeldForm.path.startswith("/")
    )


def _info(
    at: Installation, *, form_id: UUID, person_id: UUID, version: int, suite: int, fingerprint: Fingerprint
) -> bytes:
    return formats.held_form_info(
        suite=suite,
        deployment=at.deployment,
        person=person_id,
        key_version=version,
        form=form_id,
        fingerprint=fingerprint,
    )
