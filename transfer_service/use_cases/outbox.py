"""Alerts that somebody takes out of the outbox, or puts back once the cause of a failure is put right."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.db.models import Alert
from transfer_service.db.queries.alerts import find_alert
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.errors import NotFound, RuleForbids, StateForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, OrganisationKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import entry, record

CARRY_A_LINK: Final = frozenset({AlertKind.INVITATION.value, AlertKind.PASSWORD_RESET.value})
"""Whoever has such a mail can act in somebody's place: what is sealed in the row goes when it is sent or given up."""


def withdraw_alert(at: Installation, alert: Alert) -> Entry:
    """Take a mail out of the outbox that is not to go out any more; returns its leaf. The row is locked."""
    alert.state, alert.finished_at, alert.last_outcome = AlertState.WITHDRAWN, at.now(), "withdrawn"
    alert.secret = alert.lease = alert.leased_until = None
    return entry(
        None,
        Event.ALERT_WITHDRAWN,
        basis=Basis.RULE,
        subject=alert.id,
        org=alert.organisation_id,
        transfer=alert.transfer_id,
        dispatch=alert.dispatch_id,
    )


def retry_alert(session: Session, at: Installation, actor: Actor | None, *, alert_id: UUID) -> None:
    """Put an alert that was given up back into the outbox, to be sent at once.

    `actor` is None on the command line; an officer may retry what was for the own authority or its schools. Raises
    NotFound, PermissionRefused, StateForbids unless it was given up, and RuleForbids where it carried a link.
    """
    alert = _get_alert(session, actor, alert_id)
    if actor is not None:
        permissions.check(actor, Permission.ALERTS_RETRY)
    if alert.state is not AlertState.GIVEN_UP:
        raise StateForbids(
            alert.state,
            "retry",
            "This alert was not given up: it was sent or withdrawn, or will be tried again by itself.",
        )
    if alert.kind in CARRY_A_LINK and alert.secret is None:
        raise RuleForbids(
            "link_over",
            "The link of this mail was deleted when the mail was given up. Send a new invitation, or have the person "
            "choose “I forgot my password” again.",
        )
    now = at.now()
    alert.state, alert.attempts, alert.not_before = AlertState.PENDING, 0, now
    alert.lease = alert.leased_until = alert.finished_at = None
    record(
        session,
        at,
        actor,
        Event.ALERT_RETRIED,
        basis=Basis.ROLE if actor else Basis.COMMAND_LINE,
        subject=alert.id,
        org=alert.organisation_id,
        transfer=alert.transfer_id,
        dispatch=alert.dispatch_id,
    )


def _get_alert(session: Session, actor: Actor | None, alert_id: UUID) -> Alert:
    if actor is None:
        found = find_alert(session, alert_id)
    elif actor.organisation_kind is OrganisationKind.AUTHORITY and actor.organisation_id is not None:
        found = find_alert(session, alert_id, authority_id=actor.organisation_id)
    else:
        found = None
    if found is None:
        raise NotFound("alert")
    return found
