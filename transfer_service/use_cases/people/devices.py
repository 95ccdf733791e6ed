"""Browsers that were seen before, and those that office staff and heads trust for 30 days.

A mark for "seen before" is kept by the browser alone: a keyed hash that the service can make again, so that there is
no list of anybody's devices. It silences one mail, has the browser's guesses counted apart from those of strangers
(`attempts`), and lets nobody in.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto.bearer import LinkToken
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import Membership, Person, TrustedDevice
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.installation import Installation

TRUST_LASTS: Final = timedelta(days=30)
TRUSTING_ROLES: Final = frozenset({Role.SCHOOL_OFFICE, Role.HEAD_TEACHER})
"""Never those who hold keys, and never those who oversee or administer."""
_LONGEST_LABEL: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a sign-in knows of the browser: its address, a few words, and what it kept from earlier sign-ins."""

    address: str
    label: str = ""
    marks: tuple[str, ...] = field(default=(), repr=False)
    trusted: str | None = field(default=None, repr=False)

    @property
    def short_label(self) -> str:
        """The words for the person's own list of sessions."""
        return self.label[:_LONGEST_LABEL]


def make_mark(at: Installation, person: Person) -> str:
    """Return what a browser keeps to be known again; another after each change of the password."""
    changed = int(person.password_changed_at.timestamp() * 1_000_000) if person.password_changed_at else 0
    return at.field_keys.keyed_hash("device-mark", person.id.bytes + changed.to_bytes(8, "big")).hex()[:32]


def find_own_mark(at: Installation, person: Person, marks: Iterable[str]) -> str | None:
    """Return the mark by which this browser is known to have signed in as this person before; None where it has not."""
    own = make_mark(at, person)
    found = [mark for mark in marks if hmac.compare_digest(own.encode(), mark.encode())]
    return own if found else None


def may_trust(session: Session, person_id: UUID) -> bool:
    """Tell whether the person may trust a device: only where every role held or offered is one of an office or head."""
    roles = set(
        session.scalars(
            select(Membership.role).where(Membership.person_id == person_id, Membership.state != MembershipState.ENDED)
        )
    )
    return bool(roles) and roles <= TRUSTING_ROLES


def trust_device(session: Session, at: Installation, *, person_id: UUID) -> str:
    """Let a browser sign in without a code for 30 days; returns what it keeps. Raises RuleForbids."""
    if not may_trust(session, person_id):
        raise RuleForbids(
            "device_not_trusted",
            "A device can be trusted only by school office staff and head teachers. Enter a code each time.",
        )
    token = LinkToken.generate()
    session.add(
        TrustedDevice(
            id=at.new_id(),
            person_id=person_id,
            token_hash=token.lookup,
            created_at=at.now(),
            expires_at=at.now() + TRUST_LASTS,
        )
    )
    return token.text


def is_trusted(session: Session, at: Installation, *, person_id: UUID, token: str | None) -> bool:
    """Tell whether this browser needs no code for this person now; roles given since count."""
    if token is None or not may_trust(session, person_id):
        return False
    try:
        lookup = LinkToken.from_text(token).lookup
    except CryptoError:
        return False
    return (
        session.scalar(
            select(TrustedDevice.id).where(
                TrustedDevice.token_hash == lookup,
                TrustedDevice.person_id == person_id,
                TrustedDevice.expires_at > at.now(),
            )
        )
        is not None
    )
