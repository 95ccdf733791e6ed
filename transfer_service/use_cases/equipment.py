"""What some use cases need beside the installation: the peppers to sign people in, the store to keep sealed bytes."""

from __future__ import annotations

from dataclasses import dataclass

from transfer_service.crypto.peppers import PepperSet
from transfer_service.storage.blobs import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The peppers of passwords and the store of sealed attachments, wired in `app`."""

    peppers: PepperSet
    storage: Storage
