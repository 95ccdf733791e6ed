"""Doing again, from leaves alone, whatever took something away after the backup: nothing deleted comes back.

What is done about each event stands in `answers`. What was made or sent after the backup cannot be made again from
leaves; it is listed as lost (`lost_acts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.db.models import LogDetail
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.backups.answers import answer_to
from transfer_service.use_cases.backups.logged_acts import LoggedAct
from transfer_service.use_cases.installation import Installation

_OF_SCHOOL_KEYS: Final = frozenset(
    {Event.KEY_REVOKED, Event.EPOCH_CREATED, Event.EPOCH_RETIRED, Event.EPOCH_REQUESTED, Event.EPOCH_DESTROYED}
)


@dataclass(slots=True)
class Replayed:
    """What was done again, and the schools whose keys were touched."""

    counts: dict[str, int] = field(default_factory=dict)
    schools: set[UUID] = field(default_factory=set)
    exposed: set[UUID] = field(default_factory=set)
    """Those of them whose key may be known to somebody."""


def replay_deletions(session: Session, at: Installation, acts: Iterable[LoggedAct]) -> Replayed:
    """Take away again, in the log's order, what these acts took away; safe to do twice."""
    replayed = Replayed()
    for act in acts:
        said = act.leaf.said
        answer = answer_to(said.event)
        if answer.take is not None and answer.take(session, at, act):
            event = str(said.event)
            replayed.counts[event] = replayed.counts.get(event, 0) + 1
            session.flush()
        if said.event in _OF_SCHOOL_KEYS and said.org is not None:
            replayed.schools.add(said.org)
            if said.basis == Basis.SUSPECTED_EXPOSURE:
                replayed.exposed.add(said.org)
        if said.erases is not None:
            session.execute(delete(LogDetail).where(LogDetail.idx == said.erases))
    return replayed
