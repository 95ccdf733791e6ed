"""What the pages know of the person behind a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from transfer_service.domain.roles import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A person with a live session, acting in one organisation.

    `expires_at` is when the session ends if nothing more happens, `ends_at` when it ends in any case, both aware UTC.
    `token` is the cookie's 32 bytes, which use cases need to unlock what the person may open.
    """

    actor: Actor
    person_name: str
    role_label: str
    organisation_name: str
    organisation_place: str
    """Town, authority and URN: a school's name alone is not enough to tell it from another."""
    expires_at: datetime
    ends_at: datetime
    can_switch: bool = False
    token: bytes = field(repr=False)

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Give flask-login the identifier of the session."""
        return str(self.actor.session_id)
