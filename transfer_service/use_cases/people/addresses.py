"""E-mail addresses as they are entered, stored and compared."""

from __future__ import annotations

import re
from typing import Final

from transfer_service.db.queries.people import tidy_email
from transfer_service.domain.errors import Invalid

_SHAPE: Final = re.compile(r"[^\s@<>\",;:\\()\[\]]+@[^\s@<>\",;:\\()\[\]]+\.[^\s@<>\",;:\\()\[\].]+")
_LONGEST: Final = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""


def check_email(email: str) -> str:
    """Return the address tidied; raises Invalid where it is not one."""
    tidy = tidy_email(email)
    if len(tidy) > _LONGEST or not _SHAPE.fullmatch(tidy):
        raise Invalid({"email": ["Enter an email address in the correct format, like name@example.com"]})
    return tidy


def check_new_email(email: str) -> str:
    """Return the address of a new account tidied; raises Invalid where it is none, or has letters beyond ASCII.

    Making small letters of such ones turns some into others, and some only look like others: the link of an
    invitation would go to somebody else's mailbox.
    """
    if not email.isascii():
        raise Invalid({"email": ["Email address must not have accents or letters that are not English"]})
    return check_email(email)
