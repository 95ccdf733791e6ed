"""The leaves of schools' keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from transfer_service.audit.log import Entry
from transfer_service.domain.events import Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.keys.public_keys import PublicEpoch
from transfer_service.use_cases.recording import entry


def epoch_leaf(
    actor: Actor | None, event: Event, epoch: PublicEpoch, *, subject: UUID | None = None, **said: Any
) -> Entry:
    """One leaf about an epoch of a school's key, or about whom it was granted to (`subject`)."""
    return entry(
        actor,
        event,
        org=epoch.school_id,
        subject=subject or epoch.id,
        epoch=epoch.number,
        key=epoch.public.fingerprint.hex,
        **said,
    )
