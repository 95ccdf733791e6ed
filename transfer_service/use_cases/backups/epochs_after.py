"""After a restore the log says of each school's epochs what their rows hold: else nothing would be sealed to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import Entry
from transfer_service.db.models import SchoolEpoch
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import KeyState
from transfer_service.use_cases.keys.logged_epochs import iterate_epochs_against_log
from transfer_service.use_cases.recording import entry

_SAYING: Final[Mapping[KeyState, Event]] = MappingProxyType(
    {
        KeyState.ACTIVE: Event.EPOCH_RESTORED,
        KeyState.RETIRED: Event.EPOCH_RETIRED,
        KeyState.DESTROYED: Event.EPOCH_DESTROYED,
    }
)


def settle_epochs(session: Session, *, said_already: Collection[UUID]) -> list[Entry]:
    """Return a leaf for each epoch that stands otherwise than the log says; in a successor log it says nothing."""
    return [
        _leaf(_SAYING[row.state], school_id=row.school_id, subject=row.id, number=row.number, key=row.fingerprint.hex())
        for row, logged in iterate_epochs_against_log(session)
        if row.id not in said_already and (logged is None or not logged.is_of(row))
    ]


def carry_lost_epochs(session: Session, acts: Iterable[LeafFields]) -> list[Entry]:
    """Return a leaf for each epoch that the old log tells of and the backup has not, for a log that begins anew.

    Its number is not used again: what was signed with it stands in receipts.
    """
    return [
        _leaf(Event.EPOCH_DESTROYED, school_id=said.org, subject=said.subject, number=said.epoch, key=said.key)
        for said in acts
        if said.event == Event.EPOCH_CREATED and said.subject and session.get(SchoolEpoch, said.subject) is None
    ]


def _leaf(event: Event, *, school_id: UUID | None, subject: UUID | None, number: int | None, key: str | None) -> Entry:
    return entry(None, event, org=school_id, subject=subject, epoch=number, key=key, basis=Basis.RESTORE)
