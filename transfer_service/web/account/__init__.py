"""Pages about accounts and people: signing in, one's own account, colleagues and the school's key."""

from typing import Final

from flask import Blueprint

from transfer_service.web.account import (
    arriving,
    backup_codes,
    enrolling,
    held,
    invitations,
    members,
    own_account,
    own_device,
    own_recovery,
    password_again,
    people,
    recovery_asking,
    resetting,
    school_keys,
    signing_in,
)

BLUEPRINTS: Final[tuple[Blueprint, ...]] = tuple(
    group.blueprint
    for group in (
        signing_in,
        enrolling,
        arriving,
        invitations,
        resetting,
        password_again,
        held,
        own_account,
        own_device,
        own_recovery,
        backup_codes,
        people,
        members,
        school_keys,
        recovery_asking,
    )
)
"""Every group of pages here, for the composition root."""
