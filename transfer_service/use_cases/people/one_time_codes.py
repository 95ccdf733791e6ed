"""One-time codes of an authenticator app (RFC 6238): six digits, thirty seconds, each step once."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final

import pyotp

from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import Person
from transfer_service.domain.errors import CannotOpen, Helper, OpeningFailure
from transfer_service.use_cases.installation import Installation

STEP_SECONDS: Final = 30
_WINDOW: Final = (0, -1, 1)
ISSUER: Final = "Pupil file transfer"


def new_secret() -> str:
    """Draw a new seed, 160 bits as base32, as authenticator apps take it."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, email: str) -> str:
    """Return what the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def code_at(secret: str, moment: datetime) -> str:
    """Return the six digits that an authenticator app shows at a moment: for the demonstration, which has no app."""
    return pyotp.TOTP(secret).at(moment)


def matching_step(secret: str, code: str, *, now: datetime, last_step: int | None) -> int | None:
    """Return the time step whose code this is: the present one or a neighbour, later than the last one used."""
    typed = "".join(code.split())
    if not (len(typed) == 6 and typed.isascii() and typed.isdecimal()):
        return None
    present = int(now.timestamp()) // STEP_SECONDS
    matching = None
    for offset in _WINDOW:
        step = present + offset
        right = hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), typed)
        if right and (last_step is None or step > last_step):
            matching = step
    return matching


def seal_secret(at: Installation, person: Person, secret: str) -> None:
    """Store a person's seed as an encrypted column."""
    person.totp_seed = at.field_keys.seal_field(secret, table="person", column="totp_seed", row=person.id)


def open_secret(at: Installation, person: Person) -> str | None:
    """Return a person's seed, or None where no second factor was set up yet.

    Raises CannotOpen where the column was changed, or moved here from another person.
    """
    if person.totp_seed is None:
        return None
    try:
        return at.field_keys.open_text(person.totp_seed, table="person", column="totp_seed", row=person.id)
    except CryptoError:
        raise CannotOpen(OpeningFailure.GRANT_UNREADABLE, Helper.ADMINISTRATOR).of_account(person.id) from None
