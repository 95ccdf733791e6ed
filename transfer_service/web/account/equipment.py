"""What the pages of accounts need beside the services that every page has."""

from __future__ import annotations

from typing import Final, cast

from flask import current_app

from transfer_service.use_cases.people.passwords import PasswordWork

PASSWORD_WORK: Final = "transfer_service_password_work"  # noqa: S105 - a key of app.extensions
"""Where the composition root keeps the one `PasswordWork` of a process: it bounds how many derivations run at once."""


def password_work() -> PasswordWork:
    """The bounded derivation of passwords, one for the whole process."""
    return cast(PasswordWork, current_app.extensions[PASSWORD_WORK])
