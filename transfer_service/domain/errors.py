"""One family of refusals. Each carries a plain sentence: what happened and what to do, never personal data."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Self
from uuid import UUID


class ServiceError(Exception):
    """Something that was asked for is not done; `sentence` can be shown to the person who asked.

    `damaged_account` says whose password, second factor, key or session is not as the service stored it, where that is
    why: it leaves a leaf, also where nobody is signed in. `is_for_operator` says of a kind that only who runs the
    service can put right what is wrong, and so has to read of it in the service's own log.
    """

    is_for_operator: ClassVar[bool] = False

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.damaged_account: UUID | None = None

    def of_account(self, person_id: UUID) -> Self:
        """Return the same refusal, saying whose stored account was found changed."""
        self.damaged_account = person_id
        return self


class NotFound(ServiceError):
    """What was asked for does not exist, or the actor may not know that it does: the two look the same."""

    def __init__(self, what: str = "page") -> None:
        super().__init__(f"We cannot find that {what}. Check the address or reference, or go back to your list.")
        self.what = what


class PermissionRefused(ServiceError):
    """The actor's roles do not allow the act."""

    def __init__(self, permission: str, sentence: str | None = None) -> None:
        super().__init__(
            sentence
            or "Your role does not let you do this. Ask a colleague whose role does: at a school the designated "
            "safeguarding lead or the head teacher."
        )
        self.permission = str(permission)


class StateForbids(ServiceError):
    """The dispatch is not in a state in which the act is possible."""

    def __init__(self, status: str, action: str, sentence: str | None = None) -> None:
        super().__init__(
            sentence
            or f"This cannot be done ({_words(action)}) because the dispatch is now {_words(status)}. "
            "Reload the page to see what can be done next."
        )
        self.status = str(status)
        self.action = str(action)


class RuleForbids(ServiceError):
    """A rule of the exchange stands in the way; `rule` is a short stable code for pages and tests."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


class Invalid(ServiceError):
    """What was entered cannot be used; `fields` maps a field's name to its messages, none with the value entered."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields: Mapping[str, tuple[str, ...]] = MappingProxyType({k: tuple(v) for k, v in fields.items()})
        super().__init__("Some of what was entered cannot be used. Correct the marked fields and try again.")


class AlreadyDone(ServiceError):
    """The act was done before, so that nothing was done now; doing it twice is safe."""

    def __init__(self, action: str, sentence: str | None = None) -> None:
        super().__init__(sentence or f"This was already done ({_words(action)}). Nothing was changed.")
        self.action = str(action)


class Conflict(ServiceError):
    """Somebody else changed the same thing in the meantime, or the request contradicts an earlier one."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(
            sentence or "Somebody changed this while you were working on it. Reload the page and try again."
        )


class Unavailable(ServiceError):
    """The service cannot do this just now; `retry_after` is in seconds."""

    def __init__(self, retry_after: int, sentence: str | None = None) -> None:
        super().__init__(
            sentence or f"The service cannot do this just now. Nothing was changed. Try again in {_span(retry_after)}."
        )
        self.retry_after = retry_after


class OutcomeUnknown(Exception):
    """The database was lost while it was told to keep an act: it may have kept it, or not.

    This is none of the refusals: who catches those may rely on nothing having been changed.
    """

    sentence = (
        "The connection to the database broke at the last moment, so it is not known whether this was recorded. "
        "Look whether it was before you do it again."
    )

    def __init__(self) -> None:
        super().__init__(self.sentence)


class TooManyAttempts(ServiceError):
    """Too many attempts in too short a time; `retry_after` is in seconds."""

    def __init__(self, retry_after: int, sentence: str | None = None) -> None:
        super().__init__(sentence or f"There were too many attempts. Try again in {_span(retry_after)}.")
        self.retry_after = retry_after


class TooLarge(ServiceError):
    """What was uploaded is larger than the limit, in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is larger than {limit // (1024 * 1024)} MB. Make it smaller or split it, and try again."
        )
        self.limit = limit


class FileRefused(ServiceError):
    """A file that was read in cannot be used as a whole; single rows that cannot are listed, not raised."""


class SignInRefused(ServiceError):
    """The sign-in was not accepted; the sentence never says which half was wrong."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or "The email address or password is not right. Check both and try again.")


class NeedsPassword(ServiceError):
    """The act needs the password again, although the person is signed in."""

    def __init__(self) -> None:
        super().__init__("Enter your password again to do this.")


class NeedsSecondFactor(ServiceError):
    """The session waits for the one-time code."""

    def __init__(self) -> None:
        super().__init__("Enter the code from your authenticator app to finish signing in.")


class SessionEnded(ServiceError):
    """There is no live session."""

    def __init__(self) -> None:
        super().__init__("You have been signed out. Nothing was done. Sign in and try again.")


class KeyMissing(ServiceError):
    """The actor, or a school, holds no live key for the act."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(
            sentence
            or "You do not hold your school’s key yet, so you cannot do this. Ask a safeguarding lead of your school "
            "who can open files to grant it to you."
        )


class LogFrozen(ServiceError):
    """The audit log is frozen, so that nothing may be done that would have to be recorded."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(
            sentence
            or "The audit log is frozen because it does not agree with what was signed before. Nothing can be recorded "
            "until the administrator has followed the procedure for a log that was rolled back."
        )


class OpeningFailure(StrEnum):
    """Why a sealed item cannot be opened: a closed list that pages, leaves and alerts share."""

    NO_GRANT = "no_grant"
    KEY_DESTROYED = "key_destroyed"
    GRANT_UNREADABLE = "grant_unreadable"
    PUBLIC_KEY_NOT_AUTHENTIC = "public_key_not_authentic"
    MANIFEST_SIGNATURE = "manifest_signature"
    MANIFEST_NOT_AS_LOGGED = "manifest_not_as_logged"
    COVER_NOT_THIS_PUPIL = "cover_not_this_pupil"
    CIPHERTEXT_MISSING = "ciphertext_missing"
    CIPHERTEXT_CHANGED = "ciphertext_changed"
    COMMITMENT = "commitment"
    CONTENT_CHANGED = "content_changed"
    REENCRYPTION_NOT_VOUCHED = "reencryption_not_vouched"
    UNKNOWN_FORMAT = "unknown_format"


class Helper(StrEnum):
    """Who can help when an item cannot be opened."""

    SENDING_SCHOOL = "sending_school"
    COLLEAGUE = "colleague"
    ADMINISTRATOR = "administrator"
    CUSTODIANS = "custodians"


OPENING_FAILURE_SENTENCES: Mapping[OpeningFailure, str] = MappingProxyType(
    {
        OpeningFailure.NO_GRANT: "this was not sealed to your school’s key",
        OpeningFailure.KEY_DESTROYED: "the key it was sealed to no longer exists",
        OpeningFailure.GRANT_UNREADABLE: "the key that belongs to it cannot be read",
        OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC: "a school’s key in the database is not the one that was enrolled",
        OpeningFailure.MANIFEST_SIGNATURE: "the list of contents is not signed by the sending school",
        OpeningFailure.MANIFEST_NOT_AS_LOGGED: "the list of contents is not the one that was recorded when it was sent",
        OpeningFailure.COVER_NOT_THIS_PUPIL: "the cover sheet names another pupil than this transfer",
        OpeningFailure.CIPHERTEXT_MISSING: "the sealed contents are missing from the store",
        OpeningFailure.CIPHERTEXT_CHANGED: "the sealed contents were changed after they were sent",
        OpeningFailure.COMMITMENT: "the sealed contents do not belong to their key",
        OpeningFailure.CONTENT_CHANGED: "the contents are not those that the sending school listed",
        OpeningFailure.REENCRYPTION_NOT_VOUCHED: "it was encrypted again, and the signatures for that do not hold",
        OpeningFailure.UNKNOWN_FORMAT: "it was sealed in a format that this version does not know",
    }
)

HELPER_SENTENCES: Mapping[Helper, str] = MappingProxyType(
    {
        Helper.SENDING_SCHOOL: "Ask the sending school to seal it again.",
        Helper.COLLEAGUE: "Ask a safeguarding lead of your school who can open it to grant you the key.",
        Helper.ADMINISTRATOR: "Tell the administrator of this service at once.",
        Helper.CUSTODIANS: "Ask your authority, which can call the recovery custodians together.",
    }
)

WHO_CAN_HELP: Mapping[OpeningFailure, Helper] = MappingProxyType(
    {
        OpeningFailure.NO_GRANT: Helper.SENDING_SCHOOL,
        OpeningFailure.KEY_DESTROYED: Helper.SENDING_SCHOOL,
        OpeningFailure.GRANT_UNREADABLE: Helper.SENDING_SCHOOL,
        OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC: Helper.ADMINISTRATOR,
        OpeningFailure.MANIFEST_SIGNATURE: Helper.SENDING_SCHOOL,
        OpeningFailure.MANIFEST_NOT_AS_LOGGED: Helper.ADMINISTRATOR,
        OpeningFailure.COVER_NOT_THIS_PUPIL: Helper.ADMINISTRATOR,
        OpeningFailure.CIPHERTEXT_MISSING: Helper.SENDING_SCHOOL,
        OpeningFailure.CIPHERTEXT_CHANGED: Helper.SENDING_SCHOOL,
        OpeningFailure.COMMITMENT: Helper.SENDING_SCHOOL,
        OpeningFailure.CONTENT_CHANGED: Helper.SENDING_SCHOOL,
        OpeningFailure.REENCRYPTION_NOT_VOUCHED: Helper.ADMINISTRATOR,
        OpeningFailure.UNKNOWN_FORMAT: Helper.ADMINISTRATOR,
    }
)


class CannotOpen(ServiceError):
    """A sealed item cannot be opened: why, and who can help (by default the one who usually can)."""

    def __init__(self, reason: OpeningFailure, who_can_help: Helper | None = None) -> None:
        self.reason = reason
        self.who_can_help = who_can_help or WHO_CAN_HELP[reason]
        super().__init__(
            f"This cannot be opened: {OPENING_FAILURE_SENTENCES[reason]}. {HELPER_SENTENCES[self.who_can_help]}"
        )


def _words(name: str) -> str:
    """Read an enumeration's value as words."""
    return str(name).replace("_", " ")


def _span(seconds: int) -> str:
    """Say a number of seconds as people would, rounded up."""
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = -(-seconds // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
