"""What every use case may need of the installation that it runs in, as one value wired in `app`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from transfer_service.crypto.fields import FieldKeyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The deployment's name, its field keys, a clock (aware UTC) and a source of new ids (UUID version 7)."""

    deployment: str
    field_keys: FieldKeyring
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
