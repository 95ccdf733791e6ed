"""The link of an invitation as whoever follows it sees it. Nothing here can unlock anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto.bearer import LinkToken
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import Person
from transfer_service.db.queries import people as people_queries
from transfer_service.domain.errors import NotFound, RuleForbids
from transfer_service.domain.roles import Role
from transfer_service.use_cases.installation import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationFacts:
    """What somebody who followed a link is shown before accepting."""

    membership_id: UUID
    email: str
    role: Role
    organisation_name: str
    organisation_where: str  # town and URN of a school, whose name alone is not enough
    invited_by: str
    """Who invited; empty where the invitation came from the command line."""
    person_id: UUID
    expires_at: datetime
    has_account: bool
    """Whether the person signs in already and only has to confirm."""
    account_name: str
    """The name of an account that may be begun again, because every role of it has ended; empty otherwise."""


def find_invitation_facts(session: Session, at: Installation, *, token: str) -> InvitationFacts:
    """Return what a link offers; raises NotFound for a link that never worked, RuleForbids for one that is over."""
    row = get_live_invitation(session, at, token=token)
    place = row.school.name if row.school else row.authority.name if row.authority else "this service"
    inviter = session.get(Person, row.membership.created_by) if row.membership.created_by else None
    has_account = row.person.password_verifier is not None
    may_begin_again = has_account and not people_queries.has_taken_up_role(session, row.person.id)
    return InvitationFacts(
        membership_id=row.membership.id,
        email=row.person.email,
        role=row.membership.role,
        organisation_name=place,
        organisation_where=f"{row.school.town}, URN {row.school.urn}".removeprefix(", ") if row.school else "",
        invited_by=inviter.name if inviter else "",
        person_id=row.person.id,
        expires_at=row.invitation.expires_at,
        has_account=has_account,
        account_name=row.person.name if may_begin_again else "",
    )


def get_live_invitation(session: Session, at: Installation, *, token: str) -> people_queries.InvitationRow:
    """Return the invitation behind a link; raises NotFound, or RuleForbids where it was used or has expired."""
    try:
        row = people_queries.find_invitation(session, LinkToken.from_text(token).lookup)
    except CryptoError:
        row = None
    if row is None:
        raise NotFound("invitation")
    if row.invitation.accepted_at is not None:
        raise RuleForbids("invitation_used", "This invitation was accepted already. Sign in with your email address.")
    if row.invitation.expires_at <= at.now():
        raise RuleForbids(
            "invitation_expired", "This invitation has expired. Ask the person who invited you to send it again."
        )
    return row
