"""The words for the states and kinds of keys and sealed items; the bytes are the business of `crypto`."""

from __future__ import annotations

from enum import StrEnum


class KeyState(StrEnum):
    """The life of a school epoch, a person key or a recovery key."""

    ACTIVE = "active"
    RETIRED = "retired"
    DESTROYED = "destroyed"


class UnlockKind(StrEnum):
    """What a person key is wrapped under."""

    PASSWORD = "password"  # noqa: S105 -- the name of a kind
    PASSPHRASE = "passphrase"  # noqa: S105 -- the name of a kind
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 -- the name of a kind


class GranteeKind(StrEnum):
    """To whom a school epoch's seed is sealed."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 -- the name of a kind
    RECOVERY = "recovery"
    SUCCESSOR = "successor"


class ItemKind(StrEnum):
    """What a sealed item holds; titles, categories and file names are inside it."""

    COVER = "cover"
    NOTE = "note"
    ATTACHMENT = "attachment"
    REMARK = "remark"
    """Free text beside an act, such as why a file was sent back."""


class SessionStage(StrEnum):
    """How far a sign-in has come: after the password it serves for nothing but the second factor."""

    PASSWORD_GIVEN = "password_given"  # noqa: S105 -- the name of a stage
    FULL = "full"


class AlertState(StrEnum):
    """Where an alert stands in the outbox."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given_up"
