"""What a restore does about each event of the log that is newer than the backup: one answer for every event.

What took something away is done again, so that nothing deleted or revoked comes back. What gave something cannot be
made again from a leaf, which holds no contents and no keys: its rows are lost, and its school is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.domain.events import Event
from transfer_service.use_cases.backups import again_files, again_keys, again_people
from transfer_service.use_cases.backups.logged_acts import LoggedAct
from transfer_service.use_cases.installation import Installation

Take = Callable[[Session, Installation, LoggedAct], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one event is met.

    `take` does the taking again and says whether there was anything to do. `is_told`: something of the act is lost, so
    that its school has to hear of it, also where the taking was done.
    """

    take: Take | None = None
    is_told: bool


def _again(take: Take) -> Answer:
    """All that the act did is done again."""
    return Answer(take=take, is_told=False)


def _taken(take: Take) -> Answer:
    """What the act took is taken again; what it gave is lost."""
    return Answer(take=take, is_told=True)


_LOST: Final = Answer(is_told=True)
_NO_ROWS: Final = Answer(is_told=False)
"""A look, a moment, a note of the service to itself, or what comes about by itself again: nobody misses a row."""

_FILES: Final[Mapping[Event, Answer]] = {
    Event.TRANSFER_CREATED: _LOST,
    Event.TRANSFER_CHANGED: _LOST,
    Event.DISPATCH_DRAFTED: _LOST,
    # An earlier wording of a note in a draft stands again: the sender is told, and sends nothing unread.
    Event.NOTE_SEALED: _LOST,
    Event.ATTACHMENT_SEALED: _LOST,
    Event.ITEM_REMOVED: _again(again_files.remove_item),
    Event.ITEM_WITHHELD: _LOST,
    # Delivered again by the sender's next unlock, as before.
    Event.ITEM_RESEALED: _LOST,
    Event.ITEM_GRANTED: _LOST,
    # It stands as it was before, as `reencryptions` says in the log; its school encrypts it again.
    Event.ITEM_REENCRYPTED: _LOST,
    Event.ITEM_REVERTED: _NO_ROWS,
    Event.DISPATCH_SENT: _LOST,
    Event.DISPATCH_WAITING: _LOST,
    Event.DISPATCH_DELIVERED: _LOST,
    Event.DISPATCH_UNDELIVERED: _again(again_files.wait_again),
    Event.DISPATCH_WITHDRAWN: _again(again_files.end_dispatch),
    Event.DISPATCH_REDIRECTED: _LOST,
    Event.DISPATCH_FORWARDED: _LOST,
    Event.DISPATCH_DISCARDED: _again(again_files.discard),
    Event.NIL_DECLARED: _LOST,
    Event.COVER_SHOWN: _NO_ROWS,
    Event.PUPIL_CONFIRMED: _NO_ROWS,
    # What was read cannot be unread: it counts, though nothing was taken.
    Event.DISPATCH_OPENED: _taken(again_files.open_again),
    Event.NOTES_READ: _NO_ROWS,
    Event.ATTACHMENT_DOWNLOADED: _NO_ROWS,
    # That the whole file was exported: until it is exported again, nothing is shredded.
    Event.ARCHIVE_DOWNLOADED: _LOST,
    Event.ITEM_OPEN_FAILED: _NO_ROWS,
    Event.DISPATCH_ACKNOWLEDGED: _LOST,
    Event.NIL_ACKNOWLEDGED: _LOST,
    # The words that went with it are lost; the reason is not.
    Event.DISPATCH_REJECTED: _taken(again_files.end_dispatch),
    Event.FILING_CONFIRMED: _LOST,
    Event.RECEIPT_DOWNLOADED: _NO_ROWS,
    Event.BREACH_RECORDED: _again(again_files.record_breach),
    Event.BREACH_CHANGED: _LOST,
    Event.BREACH_CLOSED: _LOST,
    Event.DISPATCH_SHREDDED: _again(again_files.shred),
    Event.LEGAL_HOLD_SET: _again(again_files.hold),
    Event.LEGAL_HOLD_LIFTED: _again(again_files.hold),
}
_PEOPLE: Final[Mapping[Event, Answer]] = {
    Event.PERSON_INVITED: _taken(again_people.use_invitation_up),
    Event.INVITATION_WITHDRAWN: _again(again_people.end_membership),
    Event.INVITATION_ACCEPTED: _taken(again_people.use_invitation_up),
    Event.MEMBERSHIP_APPROVED: _LOST,
    Event.MEMBERSHIP_REFUSED: _again(again_people.end_membership),
    Event.MEMBERSHIP_CHANGED: _taken(again_keys.end_approval),
    Event.MEMBERSHIP_SUSPENDED: _again(again_people.end_membership),
    Event.MEMBERSHIP_ENDED: _again(again_people.end_membership),
    # What the key before opened is taken with `person_key.replaced`, beside it.
    Event.ACCOUNT_RENEWED: _taken(again_people.forget_second_factor),
    Event.ACCOUNT_DAMAGED: _NO_ROWS,
    Event.PERSON_CHANGED: _LOST,
    Event.PASSWORD_CHANGED: _taken(again_people.forget_password),
    Event.PASSWORD_RESET: _taken(again_people.forget_password),
    Event.SECOND_FACTOR_ENROLLED: _taken(again_people.forget_second_factor),
    Event.SECOND_FACTOR_REPLACED: _taken(again_people.forget_second_factor),
    Event.RECOVERY_CODE_ISSUED: _NO_ROWS,
    Event.RECOVERY_CODE_CONFIRMED: _taken(again_people.replace_code),
    Event.RECOVERY_CODE_USED: _again(again_people.use_code),
    Event.BACKUP_CODES_MADE: _taken(again_people.end_backup_codes),
    Event.BACKUP_CODES_ENDED: _again(again_people.end_backup_codes),
    Event.BACKUP_CODE_USED: _again(again_people.use_backup_code),
    # No session is in a backup, and no count of failed attempts.
    Event.SESSION_STARTED: _NO_ROWS,
    Event.SESSION_ENDED: _NO_ROWS,
    Event.SIGN_IN_LOCKED: _NO_ROWS,
}
_KEYS: Final[Mapping[Event, Answer]] = {
    Event.PERSON_KEY_CREATED: _LOST,
    Event.PERSON_KEY_REPLACED: _taken(again_people.forget_key),
    Event.EPOCH_CREATED: _LOST,
    Event.EPOCH_RETIRED: _taken(again_keys.retire_exposed),
    Event.EPOCH_DESTROYED: _taken(again_keys.destroy_epoch),
    # Said again by `epochs_after` of what this backup holds.
    Event.EPOCH_RESTORED: _NO_ROWS,
    # Asked again by `keys_after`.
    Event.EPOCH_REQUESTED: _NO_ROWS,
    Event.GRANTS_RENEWED: _LOST,
    # Wrapped anew at the next sign-in. Keep the peppers of the backup's time.
    Event.UNLOCK_REWRAPPED: _NO_ROWS,
    Event.KEY_COMPARED: _NO_ROWS,
    Event.KEY_GRANTED: _LOST,
    Event.KEY_REVOKED: _again(again_keys.revoke_key),
    Event.ESCROW_GRANTED: _LOST,
    Event.RECOVERY_KEY_RECORDED: _LOST,
    # The former key stands again, and the setting RECOVERY_KEYS names another: no key is made until it is replaced.
    Event.RECOVERY_KEY_REPLACED: _LOST,
    Event.RECOVERY_REQUESTED: _LOST,
    Event.RECOVERY_FIRST_APPROVED: _LOST,
    Event.RECOVERY_APPROVED: _LOST,
    Event.RECOVERY_REFUSED: _again(again_keys.refuse_recovery),
    Event.RECOVERY_EXPORTED: _LOST,
    Event.RECOVERY_COMPLETED: _LOST,
    Event.CUSTODIAN_RECORDED: _LOST,
    Event.CUSTODIAN_ENDED: _again(again_keys.end_custodian),
    Event.DRILL_RECORDED: _taken(again_keys.drop_former_escrow),
    # Run `keys rewrap` again, and keep the field keys of the backup's time until it is done.
    Event.FIELD_KEYS_REWRAPPED: _LOST,
    Event.DOCTOR_FAILED: _NO_ROWS,
}
_OF_THE_SERVICE: Final[Mapping[Event, Answer]] = {
    Event.ALERT_SENT: _again(again_people.finish_alert),
    Event.ALERT_FAILED: _NO_ROWS,
    Event.ALERT_ABANDONED: _again(again_people.finish_alert),
    Event.ALERT_RETRIED: _NO_ROWS,
    Event.ALERT_WITHDRAWN: _again(again_people.finish_alert),
    Event.ALERT_ESCALATED: _NO_ROWS,
    Event.COMPLIANCE_LISTED: _NO_ROWS,
    Event.COMPLIANCE_EXPORTED: _NO_ROWS,
    Event.TRANSFERS_LISTED: _NO_ROWS,
    Event.AUDIT_LISTED: _NO_ROWS,
    Event.AUDIT_EXPORTED: _NO_ROWS,
    Event.POLICY_LETTER_ISSUED: _NO_ROWS,
    Event.PUPIL_NAME_SHOWN: _NO_ROWS,
    Event.CALENDAR_CHANGED: _LOST,
    Event.SETTING_CHANGED: _LOST,
    Event.AUTHORITY_CREATED: _LOST,
    Event.SCHOOLS_IMPORTED: _LOST,
    Event.SCHOOL_SUCCEEDED: _LOST,
    Event.ACCESS_REFUSED: _NO_ROWS,
    Event.LOG_STARTED: _NO_ROWS,
    # What any leaf erases is erased again, whatever its event: `replaying`.
    Event.DETAIL_ERASED: _NO_ROWS,
    Event.RESTORED: _NO_ROWS,
    Event.LOG_KEY_ROTATED: _NO_ROWS,
    Event.FREEZE_LIFTED: _NO_ROWS,
    Event.SIGNER_STATE_ADOPTED: _NO_ROWS,
    Event.BACKUP_MADE: _NO_ROWS,
}
ANSWERS: Final[Mapping[Event, Answer]] = MappingProxyType({**_FILES, **_PEOPLE, **_KEYS, **_OF_THE_SERVICE})


_BY_NAME: Final[Mapping[str, Answer]] = {event.value: answer for event, answer in ANSWERS.items()}


def answer_to(event: str) -> Answer:
    """Return the answer to an event; one that this version does not know is told to its school as lost."""
    return _BY_NAME.get(event, _LOST)
