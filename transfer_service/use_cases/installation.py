"""What every use case may need of the installation that it runs in, as one value wired in `app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from transfer_service.crypto.fields import FieldKeyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The deployment's name, its field keys, a clock (aware UTC) and a source of new ids (UUID version 7).

    `recovery_keys` is the setting of that name: the fingerprint in hexadecimal digits of each authority's recovery
    key, by the authority's three-digit code. No school's key is made where the database holds another one.
    """

    deployment: str
    field_keys: FieldKeyring
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    recovery_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
