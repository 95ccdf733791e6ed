"""Alerts that were given up: whom they were for, why they did not arrive, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.queries import log as log_queries
from transfer_service.db.queries.alerts import list_alerts
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.outbox import CARRY_A_LINK

ALERT_WORDS: Mapping[AlertKind, str] = MappingProxyType(
    {
        AlertKind.DISPATCH_ARRIVED: "A transfer has arrived",
        AlertKind.DISPATCH_WITHDRAWN: "A transfer was withdrawn",
        AlertKind.REMINDER_UNOPENED: "Reminder: a transfer is not opened",
        AlertKind.REMINDER_UNACKNOWLEDGED: "Reminder: a transfer is not acknowledged",
        AlertKind.FILING_WANTED: "Reminder: state that the file is kept in your own system",
        AlertKind.KEY_WANTED: "A transfer waits for the school’s key",
        AlertKind.DISPATCH_OPENED: "A transfer was opened",
        AlertKind.DISPATCH_ACKNOWLEDGED: "A transfer was acknowledged",
        AlertKind.DISPATCH_REJECTED: "A transfer was sent back",
        AlertKind.DISPATCH_DELIVERED: "A waiting transfer was delivered",
        AlertKind.DELIVERY_WANTED: "A waiting transfer can be delivered",
        AlertKind.DRAFT_OVERDUE: "A draft is overdue",
        AlertKind.BREACH_RECORDED: "A file was opened at the wrong school",
        AlertKind.ITEM_UNREADABLE: "An item cannot be opened",
        AlertKind.INVITATION: "Invitation",
        AlertKind.APPROVAL_WANTED: "A safeguarding lead waits for approval",
        AlertKind.MEMBERSHIP_APPROVED: "A safeguarding lead was approved",
        AlertKind.MEMBERSHIP_REFUSED: "A safeguarding lead was refused",
        AlertKind.GRANT_WANTED: "A colleague waits for the school’s key",
        AlertKind.KEY_GRANTED: "The school’s key was granted",
        AlertKind.EPOCH_CREATED: "The school has a new key",
        AlertKind.EPOCH_WANTED: "The school needs a new key",
        AlertKind.EPOCH_RENEWAL_SOON: "The school’s key is to be renewed within a month",
        AlertKind.EPOCH_RENEWAL_DUE: "The school’s key is due to be renewed",
        AlertKind.COLLEAGUE_LEFT: "A key holder has left",
        AlertKind.SINGLE_KEY_HOLDER: "Only one person holds the school’s key",
        AlertKind.NO_KEY_HOLDER: "Nobody holds the school’s key",
        AlertKind.PASSWORD_CHANGED: "Password changed",
        AlertKind.PASSWORD_RESET: "Password reset",
        AlertKind.SECOND_FACTOR_REPLACED: "Authenticator app replaced",
        AlertKind.RECOVERY_CODE_USED: "Recovery code used",
        AlertKind.BACKUP_CODES_MADE: "New backup codes",
        AlertKind.BACKUP_CODE_USED: "Backup code used",
        AlertKind.NEW_DEVICE: "Sign-in from a new device",
        AlertKind.ROLE_ENDED: "Role ended",
        AlertKind.ACCOUNT_RENEWED: "Account begun again",
        AlertKind.SIGN_IN_LOCKED: "Signing in locked",
        AlertKind.RECOVERY_REQUESTED: "Recovery by the custodians asked for",
        AlertKind.ESCALATION: "A school has not acted",
        AlertKind.ALERT_UNDELIVERABLE: "An alert could not be delivered",
        AlertKind.DOCTOR_FAILED: "The stored keys are not in order",
        AlertKind.LOG_FROZEN: "The log is frozen",
        AlertKind.WEEKLY_CHECKPOINT: "The weekly checkpoint of the log",
    }
)

_OUTCOME_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "permanent": "The address was refused for good. Ask the school for the right one.",
        "permanent:link_over": "The link in it ran out before the email could be sent. Have a new one made.",
        "permanent:unwritable": "The email could not be written. Tell the administrator.",
        "temporary": "The address was refused again and again. Ask the school whether its mailbox is full.",
        "unreachable": "The email server could not be reached. Tell the administrator.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """One alert that was given up."""

    alert_id: UUID
    what: str
    address: str
    place: str
    reference: str | None
    tried: int
    given_up_at: datetime | None
    why: str
    may_retry: bool
    """False for a mail with a link, which is deleted: another invitation or reset has another link."""


def list_given_up(session: Session, actor: Actor) -> list[GivenUp]:
    """List what could not be delivered to the actor's authority and its schools; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.ALERTS_READ)
    alerts = list_alerts(session, states=(AlertState.GIVEN_UP,), authority_id=authority_id)
    places = {alert.organisation_id for alert in alerts if alert.organisation_id}
    names = log_queries.load_names(session, people=(), places=places, transfers=())
    return [
        GivenUp(
            alert_id=alert.id,
            what=ALERT_WORDS[AlertKind(alert.kind)],
            address=alert.address,
            place=names.places.get(alert.organisation_id, "") if alert.organisation_id else "",
            reference=alert.reference,
            tried=alert.attempts,
            given_up_at=alert.finished_at,
            why=_say_why(alert.last_outcome or ""),
            may_retry=alert.kind not in CARRY_A_LINK,
        )
        for alert in alerts
    ]


def _say_why(outcome: str) -> str:
    sort = outcome.partition(":")[0]
    return _OUTCOME_WORDS.get(outcome) or _OUTCOME_WORDS.get(sort) or "Tell the administrator."
