"""What people are told by mail, as one closed list, and where a mail stands; the words are in `alerts.messages`."""

from __future__ import annotations

from enum import StrEnum


class AlertKind(StrEnum):
    """Why an alert is sent. The kind of a dispatch's alert never says whether it is a file or what it holds."""

    # To the receiving school
    DISPATCH_ARRIVED = "dispatch.arrived"
    DISPATCH_WITHDRAWN = "dispatch.withdrawn"
    REMINDER_UNOPENED = "reminder.unopened"
    REMINDER_UNACKNOWLEDGED = "reminder.unacknowledged"
    FILING_WANTED = "filing.wanted"
    """What was acknowledged has not been exported and stated as filed, so that it cannot be shredded."""
    KEY_WANTED = "key.wanted"
    """Something is waiting for a school that has no key yet."""

    # To the sending school
    DISPATCH_OPENED = "dispatch.opened"
    DISPATCH_ACKNOWLEDGED = "dispatch.acknowledged"
    DISPATCH_REJECTED = "dispatch.rejected"
    DISPATCH_DELIVERED = "dispatch.delivered"
    DELIVERY_WANTED = "delivery.wanted"
    """The receiving school has a key now; the sender's next sign-in delivers what waits."""
    DRAFT_OVERDUE = "draft.overdue"
    BREACH_RECORDED = "breach.recorded"
    """What was sent was opened by a school that it was not meant for."""
    ITEM_UNREADABLE = "item.unreadable"

    # About people and keys
    INVITATION = "invitation"
    APPROVAL_WANTED = "approval.wanted"
    MEMBERSHIP_APPROVED = "membership.approved"
    MEMBERSHIP_REFUSED = "membership.refused"
    GRANT_WANTED = "grant.wanted"
    KEY_GRANTED = "key.granted"
    EPOCH_CREATED = "epoch.created"
    EPOCH_WANTED = "epoch.wanted"
    EPOCH_RENEWAL_SOON = "epoch.renewal_soon"
    """The school's key is to be renewed within a month."""
    EPOCH_RENEWAL_DUE = "epoch.renewal_due"
    COLLEAGUE_LEFT = "colleague.left"
    ROLE_ENDED = "role.ended"
    """To whom the role was ended."""
    ACCOUNT_RENEWED = "account.renewed"
    SIGN_IN_LOCKED = "sign_in.locked"
    SINGLE_KEY_HOLDER = "key_holder.single"
    NO_KEY_HOLDER = "key_holder.none"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 -- a kind of alert
    PASSWORD_RESET = "password.reset"  # noqa: S105 -- a kind of alert
    SECOND_FACTOR_REPLACED = "second_factor.replaced"
    RECOVERY_CODE_USED = "recovery_code.used"
    BACKUP_CODES_MADE = "backup_codes.made"
    BACKUP_CODE_USED = "backup_code.used"
    NEW_DEVICE = "session.new_device"
    RECOVERY_REQUESTED = "recovery.requested"

    # To the authority and the administrator
    ESCALATION = "escalation"
    ALERT_UNDELIVERABLE = "alert.undeliverable"
    DOCTOR_FAILED = "doctor.failed"
    LOG_FROZEN = "log.frozen"

    # To everybody who oversees or holds keys
    WEEKLY_CHECKPOINT = "checkpoint.weekly"


class AlertState(StrEnum):
    """Where an alert stands in the outbox."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"
    """Never sent: its link works no more."""


SECURITY_ALERTS = frozenset(
    {
        AlertKind.INVITATION,
        AlertKind.ROLE_ENDED,
        AlertKind.ACCOUNT_RENEWED,
        AlertKind.SIGN_IN_LOCKED,
        AlertKind.PASSWORD_CHANGED,
        AlertKind.PASSWORD_RESET,
        AlertKind.SECOND_FACTOR_REPLACED,
        AlertKind.RECOVERY_CODE_USED,
        AlertKind.BACKUP_CODES_MADE,
        AlertKind.BACKUP_CODE_USED,
        AlertKind.NEW_DEVICE,
        AlertKind.RECOVERY_REQUESTED,
    }
)
"""These go out at once and each by itself; all others for one address within ten minutes become one mail."""
