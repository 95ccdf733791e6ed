"""Mails of the outbox that carry a link: one whose link works no more does not go out."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.bearer import LinkToken
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import Alert, Invitation, Person
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.outbox import CARRY_A_LINK, withdraw_alert
from transfer_service.use_cases.people.reset_links import RESET_PATH, is_link_over

INVITATION_PATH: Final = "/invitations/"
"""The link in the mail is the service's address, this path and the token."""


def withdraw_dead_links(session: Session, at: Installation, person: Person) -> list[Entry]:
    """Withdraw the mails to a person that wait to be sent with a link that works no more; returns their leaves.

    One that the worker is sending in this moment is left to it: it asks again before another attempt.
    """
    session.flush()
    waiting = session.scalars(
        select(Alert)
        .where(Alert.person_id == person.id, Alert.kind.in_(sorted(CARRY_A_LINK)), Alert.state == AlertState.PENDING)
        .order_by(Alert.id)
        .with_for_update()
    ).all()
    free = [alert for alert in waiting if alert.leased_until is None or alert.leased_until <= at.now()]
    return [withdraw_alert(at, alert) for alert in free if is_link_dead(session, at, alert)]


def is_link_dead(session: Session, at: Installation, alert: Alert) -> bool:
    """Tell whether a mail carries a link that was replaced or taken back, or that has reset a password.

    An invitation's link that was used leads to a page that says so, and where to sign in. A row that cannot be read is
    not called dead: nobody could say of which link.
    """
    if alert.secret is None or alert.kind not in CARRY_A_LINK:
        return False
    try:
        path = at.field_keys.open_text(alert.secret, table="alert", column="secret", row=alert.id)
    except CryptoError:
        return False
    if alert.kind == AlertKind.PASSWORD_RESET:
        return is_link_over(session, at, path.removeprefix(RESET_PATH))
    try:
        lookup = LinkToken.from_text(path.removeprefix(INVITATION_PATH)).lookup
    except CryptoError:
        return False
    return session.scalar(select(Invitation.id).where(Invitation.token_hash == lookup)) is None
