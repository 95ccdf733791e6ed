"""The secrets of a new installation, as the texts that settings hold."""

import base64
import os
from dataclasses import dataclass, field

from transfer_service.crypto.key_texts import KEY_LENGTH, format_keys
from transfer_service.crypto.signing import LogSigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationSecrets:
    """What `keys new` writes, each into a file of its own that only the service may read."""

    field_keys: str = field(repr=False)
    peppers: str = field(repr=False)
    secret_key: str = field(repr=False)
    log_signing_key: str = field(repr=False)
    log_verifier_key: str
    """The public half: goes into the policy that reaches schools by letter."""


def new_installation_secrets(*, log_name: str) -> InstallationSecrets:
    """Draw all secrets of a new installation; `log_name` is the origin that the log signs under."""
    log_key = LogSigningKey.generate(log_name)
    return InstallationSecrets(
        field_keys=new_numbered_key(1),
        peppers=new_numbered_key(1),
        secret_key=base64.urlsafe_b64encode(os.urandom(48)).decode(),
        log_signing_key=log_key.to_text(),
        log_verifier_key=log_key.vkey,
    )


def new_numbered_key(number: int) -> str:
    """Draw one more key for FIELD_KEYS or PEPPERS; put it before the others to make it the primary one."""
    return format_keys({number: os.urandom(KEY_LENGTH)})
