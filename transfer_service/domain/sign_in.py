"""How far a sign-in has come."""

from __future__ import annotations

from enum import StrEnum


class SessionStage(StrEnum):
    """How far a sign-in has come: after the password it serves for nothing but the second factor."""

    PASSWORD_GIVEN = "password_given"  # noqa: S105 -- the name of a stage
    FULL = "full"
