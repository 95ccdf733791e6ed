"""The epochs of schools' keys as the log tells of them.

A row's authentication covers its state, so that nobody can write another one; but it was right once for every state
that the row has had. Whoever can write the database and kept an old copy could put an earlier epoch back in use, to
which somebody who left may know the way. The log says which epoch was made and retired last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.errors import LeafMalformed
from transfer_service.audit.leaf import LeafFields, decode_leaf
from transfer_service.db.models import LogLeaf, SchoolEpoch
from transfer_service.domain.events import Event
from transfer_service.domain.keys import KeyState

_AT_ONCE: Final = 500
_STATES: Final[Mapping[str, KeyState]] = MappingProxyType(
    {
        Event.EPOCH_CREATED.value: KeyState.ACTIVE,
        Event.EPOCH_RESTORED.value: KeyState.ACTIVE,
        Event.EPOCH_RETIRED.value: KeyState.RETIRED,
        Event.EPOCH_DESTROYED.value: KeyState.DESTROYED,
    }
)


@dataclass(frozen=True, slots=True)
class LoggedEpoch:
    """What the newest leaf about an epoch says of it."""

    number: int | None
    fingerprint: str | None
    state: KeyState

    def is_of(self, row: SchoolEpoch) -> bool:
        """Whether a row is of this key, and stands as the leaf says."""
        return (self.number, self.fingerprint, self.state) == (row.number, row.fingerprint.hex(), row.state)


def is_as_logged(session: Session, row: SchoolEpoch) -> bool:
    """Tell whether an epoch stands as the log says; one statement. One that the log does not know does not."""
    newest = session.scalar(
        select(LogLeaf.body)
        .where(LogLeaf.subject == row.id, LogLeaf.event.in_(_STATES))
        .order_by(LogLeaf.idx.desc())
        .limit(1)
    )
    logged = None if newest is None else _read(newest, row.id)
    return logged is not None and logged.is_of(row)


def find_newest_logged_number(session: Session, school_id: UUID) -> int:
    """Return the highest number of a school's epochs that the log ever told of; 0 where it told of none."""
    bodies = session.scalars(
        select(LogLeaf.body).where(LogLeaf.org == school_id, LogLeaf.event.in_(_STATES)).order_by(LogLeaf.idx)
    )
    return max((said.epoch or 0 for said in map(_decode, bodies) if said is not None), default=0)


def iterate_epochs_against_log(session: Session) -> Iterator[tuple[SchoolEpoch, LoggedEpoch | None]]:
    """Go through every epoch of every school, each with what the log says of it; None where it says nothing."""
    logged: dict[UUID, LoggedEpoch | None] = {}
    leaves = select(LogLeaf.subject, LogLeaf.body).where(LogLeaf.event.in_(_STATES)).order_by(LogLeaf.idx)
    for subject, body in session.execute(leaves.execution_options(yield_per=_AT_ONCE)):
        if subject is not None:
            logged[subject] = _read(body, subject)
    for row in session.scalars(select(SchoolEpoch).order_by(SchoolEpoch.id).execution_options(yield_per=_AT_ONCE)):
        yield row, logged.get(row.id)


def _read(body: bytes, subject: UUID) -> LoggedEpoch | None:
    said = _decode(body)
    if said is None or said.subject != subject or said.event not in _STATES:
        return None
    return LoggedEpoch(number=said.epoch, fingerprint=said.key, state=_STATES[said.event])


def _decode(body: bytes) -> LeafFields | None:
    try:
        return decode_leaf(body).said
    except LeafMalformed:
        return None  # `audit verify` names it
