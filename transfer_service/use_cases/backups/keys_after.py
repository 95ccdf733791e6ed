"""What a restore means for schools' keys: an epoch made after the backup is lost, and an old one is live again."""

from __future__ import annotations

from collections.abc import Container, Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.db.models import School, SchoolEpoch
from transfer_service.db.queries import keys as key_queries
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import KeyState
from transfer_service.use_cases.alerting import alert_authority, alert_school
from transfer_service.use_cases.backups.again_keys import set_epoch_state
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.dead_epochs import return_to_waiting
from transfer_service.use_cases.recording import entry


def settle_school_keys(
    session: Session, at: Installation, schools: Iterable[UUID], *, exposed: Container[UUID]
) -> list[Entry]:
    """Ask each school whose key changed after the backup for a new epoch; retire one that nobody holds any more.

    What is sealed to an earlier epoch that nobody holds any more is delivered again to the one in use.
    Somebody who left could keep the old epoch's seed: until a colleague makes the new one, an alert and a leaf say so.
    Where the key of an `exposed` school is out of use, an officer has to approve one of its leads: they are told.
    """
    leaves: list[Entry] = []
    for school_id in sorted(schools):
        school = session.get(School, school_id)
        row = key_queries.find_active_epoch_row(session, school_id)
        if school is not None and row is None and school_id in exposed:
            alert_authority(session, at, AlertKind.APPROVAL_WANTED, school.authority_id)
        if school is None or row is None:
            continue
        if key_queries.count_holders(session, school_id) == 0:
            leaves += _retire(at, row)
            alert_authority(session, at, AlertKind.NO_KEY_HOLDER, school.authority_id)
        else:
            alert_school(session, at, AlertKind.EPOCH_WANTED, school_id)
            leaves += return_to_waiting(session, at, None, school_id=school_id, ask_all=True)
            leaves.append(entry(None, Event.EPOCH_REQUESTED, org=school_id, subject=school_id, basis=Basis.RESTORE))
    return leaves


def _retire(at: Installation, row: SchoolEpoch) -> list[Entry]:
    """Retire an epoch and return its leaf; one whose row is not authentic stays for the doctor to tell of."""
    if not set_epoch_state(at, row, KeyState.RETIRED):
        return []
    row.retired_at = at.now()
    return [
        entry(
            None, Event.EPOCH_RETIRED, org=row.school_id, subject=row.id, epoch=row.number, key=row.fingerprint.hex(),
            basis=Basis.RESTORE,
        )
    ]  # fmt: skip
