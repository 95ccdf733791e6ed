"""How settings write several keys with their numbers: `2:base64,1:base64`, the first being the primary one."""

import base64
import binascii
from typing import Final

from transfer_service.crypto.errors import MalformedText, WrongLength

KEY_LENGTH: Final = 32
_HIGHEST_ID: Final = 0xFFFF


def parse_keys(text: str, *, setting: str) -> dict[int, bytes]:
    """Read numbered 32-byte keys in their order; raises MalformedText or WrongLength, naming the setting only."""
    keys: dict[int, bytes] = {}
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        number, colon, encoded = part.strip().partition(":")
        if not colon or not number.isdecimal() or not 1 <= int(number) <= _HIGHEST_ID:
            raise MalformedText(f"{setting}: write each key as a number from 1 to 65535, a colon, and base64.")
        if int(number) in keys:
            raise MalformedText(f"{setting}: the number {int(number)} stands there twice. Give each key its own.")
        keys[int(number)] = _decode(encoded, setting)
    if not keys:
        raise MalformedText(f"{setting}: there is no key in it. `transfer-service keys new` makes one.")
    return keys


def format_keys(keys: dict[int, bytes]) -> str:
    """Write numbered keys as `parse_keys` reads them. This is the secret itself: write it to a protected file."""
    return ",".join(f"{number}:{base64.b64encode(key).decode()}" for number, key in keys.items())


def _decode(encoded: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        # Not chained: the cause could quote the key.
        raise MalformedText(f"{setting}: a key is not base64.") from None
    if len(key) != KEY_LENGTH:
        raise WrongLength(f"{setting}: a key has 32 bytes, this one has {len(key)}.")
    return key
