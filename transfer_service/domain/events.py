"""The vocabulary of the log: what happened, as noun and past-tense verb, and on what basis.

An event's name stands in leaves for ever: names are added, never renamed and never given another meaning.
"""

from enum import StrEnum


class Event(StrEnum):
    """Everything that leaves a leaf in the log."""

    # Transfers
    TRANSFER_CREATED = "transfer.created"
    TRANSFER_CHANGED = "transfer.changed"

    # Dispatches: the sending school
    DISPATCH_DRAFTED = "dispatch.drafted"
    NOTE_SEALED = "note.sealed"
    ATTACHMENT_SEALED = "attachment.sealed"
    ITEM_REMOVED = "item.removed"
    ITEM_WITHHELD = "item.withheld"
    ITEM_RESEALED = "item.resealed"
    ITEM_GRANTED = "item.granted"
    ITEM_REENCRYPTED = "item.reencrypted"
    ITEM_REVERTED = "item.reverted"
    DISPATCH_SENT = "dispatch.sent"
    DISPATCH_WAITING = "dispatch.waiting"
    DISPATCH_DELIVERED = "dispatch.delivered"
    DISPATCH_UNDELIVERED = "dispatch.undelivered"
    DISPATCH_WITHDRAWN = "dispatch.withdrawn"
    DISPATCH_REDIRECTED = "dispatch.redirected"
    DISPATCH_FORWARDED = "dispatch.forwarded"
    DISPATCH_DISCARDED = "dispatch.discarded"
    NIL_DECLARED = "nil.declared"

    # Dispatches: the receiving school, and every showing of contents
    COVER_SHOWN = "cover.shown"
    PUPIL_CONFIRMED = "pupil.confirmed"
    DISPATCH_OPENED = "dispatch.opened"
    NOTES_READ = "notes.read"
    ATTACHMENT_DOWNLOADED = "attachment.downloaded"
    ARCHIVE_DOWNLOADED = "archive.downloaded"
    ITEM_OPEN_FAILED = "item.open_failed"
    DISPATCH_ACKNOWLEDGED = "dispatch.acknowledged"
    NIL_ACKNOWLEDGED = "nil.acknowledged"
    DISPATCH_REJECTED = "dispatch.rejected"
    FILING_CONFIRMED = "filing.confirmed"
    RECEIPT_DOWNLOADED = "receipt.downloaded"
    BREACH_RECORDED = "breach.recorded"
    BREACH_CHANGED = "breach.changed"
    BREACH_CLOSED = "breach.closed"
    DISPATCH_SHREDDED = "dispatch.shredded"
    LEGAL_HOLD_SET = "legal_hold.set"
    LEGAL_HOLD_LIFTED = "legal_hold.lifted"

    # People and their sign-in
    PERSON_INVITED = "person.invited"
    INVITATION_WITHDRAWN = "invitation.withdrawn"
    INVITATION_ACCEPTED = "invitation.accepted"
    MEMBERSHIP_APPROVED = "membership.approved"
    MEMBERSHIP_REFUSED = "membership.refused"
    MEMBERSHIP_CHANGED = "membership.changed"
    MEMBERSHIP_SUSPENDED = "membership.suspended"
    MEMBERSHIP_ENDED = "membership.ended"
    ACCOUNT_RENEWED = "account.renewed"
    ACCOUNT_DAMAGED = "account.damaged"
    PERSON_CHANGED = "person.changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 -- the name of an event
    PASSWORD_RESET = "password.reset"  # noqa: S105 -- the name of an event
    SECOND_FACTOR_ENROLLED = "second_factor.enrolled"
    SECOND_FACTOR_REPLACED = "second_factor.replaced"
    RECOVERY_CODE_ISSUED = "recovery_code.issued"
    RECOVERY_CODE_CONFIRMED = "recovery_code.confirmed"
    RECOVERY_CODE_USED = "recovery_code.used"
    BACKUP_CODES_MADE = "backup_codes.made"
    BACKUP_CODES_ENDED = "backup_codes.ended"
    BACKUP_CODE_USED = "backup_code.used"
    SESSION_STARTED = "session.started"
    SESSION_ENDED = "session.ended"
    SIGN_IN_LOCKED = "sign_in.locked"

    # Keys
    PERSON_KEY_CREATED = "person_key.created"
    PERSON_KEY_REPLACED = "person_key.replaced"
    EPOCH_CREATED = "epoch.created"
    EPOCH_RETIRED = "epoch.retired"
    EPOCH_DESTROYED = "epoch.destroyed"
    EPOCH_REQUESTED = "epoch.requested"
    EPOCH_RESTORED = "epoch.restored"
    GRANTS_RENEWED = "grants.renewed"
    UNLOCK_REWRAPPED = "unlock.rewrapped"
    KEY_COMPARED = "key.compared"
    KEY_GRANTED = "key.granted"
    KEY_REVOKED = "key.revoked"
    ESCROW_GRANTED = "escrow.granted"
    RECOVERY_KEY_RECORDED = "recovery_key.recorded"
    RECOVERY_KEY_REPLACED = "recovery_key.replaced"
    RECOVERY_REQUESTED = "recovery.requested"
    RECOVERY_FIRST_APPROVED = "recovery.first_approved"
    RECOVERY_APPROVED = "recovery.approved"
    RECOVERY_REFUSED = "recovery.refused"
    RECOVERY_EXPORTED = "recovery.exported"
    RECOVERY_COMPLETED = "recovery.completed"
    CUSTODIAN_RECORDED = "custodian.recorded"
    CUSTODIAN_ENDED = "custodian.ended"
    DRILL_RECORDED = "drill.recorded"
    FIELD_KEYS_REWRAPPED = "field_keys.rewrapped"
    DOCTOR_FAILED = "doctor.failed"

    # Alerts
    ALERT_SENT = "alert.sent"
    ALERT_FAILED = "alert.failed"
    ALERT_ABANDONED = "alert.abandoned"
    ALERT_RETRIED = "alert.retried"
    ALERT_WITHDRAWN = "alert.withdrawn"
    ALERT_ESCALATED = "alert.escalated"

    # Oversight and settings
    COMPLIANCE_LISTED = "compliance.listed"
    COMPLIANCE_EXPORTED = "compliance.exported"
    TRANSFERS_LISTED = "transfers.listed"
    AUDIT_LISTED = "audit.listed"
    AUDIT_EXPORTED = "audit.exported"
    POLICY_LETTER_ISSUED = "policy_letter.issued"
    PUPIL_NAME_SHOWN = "pupil_name.shown"
    CALENDAR_CHANGED = "calendar.changed"
    SETTING_CHANGED = "setting.changed"
    AUTHORITY_CREATED = "authority.created"
    SCHOOLS_IMPORTED = "schools.imported"
    SCHOOL_SUCCEEDED = "school.succeeded"

    # Refusals and the log itself
    ACCESS_REFUSED = "access.refused"
    LOG_STARTED = "log.started"
    DETAIL_ERASED = "detail.erased"
    RESTORED = "restored"
    LOG_KEY_ROTATED = "log_key.rotated"
    FREEZE_LIFTED = "freeze.lifted"
    SIGNER_STATE_ADOPTED = "signer_state.adopted"
    BACKUP_MADE = "backup.made"


class Basis(StrEnum):
    """Why an act was allowed or done: the closed list behind a leaf's `basis`."""

    ROLE = "role"
    INVITATION = "invitation"
    COMMAND_LINE = "command_line"
    SCHEDULE = "schedule"
    TELEPHONE_CHECK = "telephone_check"
    IN_PERSON_CHECK = "in_person_check"
    COLLEAGUE = "colleague"
    RECOVERY_CODE = "recovery_code"
    CUSTODIANS = "custodians"
    PUPIL_JOINING = "pupil_joining"
    STATUTORY_GUIDANCE = "statutory_guidance"
    LEGAL_OBLIGATION = "legal_obligation"
    CASE_ENQUIRY = "case_enquiry"
    DATA_PROTECTION_REQUEST = "data_protection_request"
    COMPLAINT = "complaint"
    COURT_ORDER = "court_order"
    LEAVER = "leaver"
    SUSPECTED_EXPOSURE = "suspected_exposure"
    RETENTION = "retention"
    MISDIRECTED = "misdirected"
    NO_PERMISSION = "no_permission"
    NOT_VISIBLE = "not_visible"
    WRONG_STATE = "wrong_state"
    RULE = "rule"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    RESTORE = "restore"


# What the authority may give as its reason for showing a pupil's name (docs/exchange.md, "What the authority sees").
NAME_SHOWING_BASES = frozenset(
    {
        Basis.CASE_ENQUIRY,
        Basis.DATA_PROTECTION_REQUEST,
        Basis.COMPLAINT,
        Basis.COURT_ORDER,
        Basis.MISDIRECTED,
    }
)
# Why an authority may keep the contents of a transfer from being shredded.
HOLDING_BASES = frozenset({Basis.COURT_ORDER, Basis.CASE_ENQUIRY, Basis.COMPLAINT, Basis.DATA_PROTECTION_REQUEST})
