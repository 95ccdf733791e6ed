"""What was done after the backup: the log has it, the rows of it are gone, and each school must hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf, decode_leaf
from transfer_service.db.models import Authority, LogLeaf, School
from transfer_service.domain.events import Event

_AT_ONCE: Final = 1_000
# Looks and sign-ins have no rows that a school would miss.
_WITHOUT_ROWS: Final = frozenset(
    {
        Event.ACCESS_REFUSED,
        Event.SESSION_STARTED,
        Event.SESSION_ENDED,
        Event.SIGN_IN_LOCKED,
        Event.ALERT_SENT,
        Event.ALERT_FAILED,
        Event.BACKUP_MADE,
        Event.AUDIT_LISTED,
        Event.AUDIT_EXPORTED,
        Event.COMPLIANCE_LISTED,
        Event.TRANSFERS_LISTED,
        Event.RECEIPT_DOWNLOADED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAct:
    """One act, as its leaf says it: ids alone, so that the list may be printed and sent."""

    idx: int
    at: datetime
    event: str
    subject: UUID | None
    transfer: UUID | None
    dispatch: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostOfPlace:
    """The lost acts of one school or authority; no place for what the service did by itself."""

    place: UUID | None
    name: str
    acts: tuple[LostAct, ...]


def iterate_leaves(session: Session, *, start: int, end: int) -> Iterator[Leaf]:
    """Read the leaves from `start` up to `end`, a batch in memory at a time."""
    for first in range(start, end, _AT_ONCE):
        bodies = session.scalars(
            select(LogLeaf.body)
            .where(LogLeaf.idx >= first, LogLeaf.idx < min(first + _AT_ONCE, end))
            .order_by(LogLeaf.idx)
        ).all()
        yield from map(decode_leaf, bodies)


def list_lost_acts(session: Session, leaves: Iterable[Leaf]) -> list[LostOfPlace]:
    """Group the acts whose rows are lost by the school or authority that they were of, by name."""
    acts: dict[UUID | None, list[LostAct]] = {}
    for leaf in leaves:
        said = leaf.said
        if said.event in _WITHOUT_ROWS:
            continue
        act = LostAct(
            idx=leaf.idx, at=leaf.at, event=str(said.event), subject=said.subject, transfer=said.transfer,
            dispatch=said.dispatch,
        )  # fmt: skip
        acts.setdefault(said.org, []).append(act)
    names = _names(session, [place for place in acts if place is not None])
    lost = [
        LostOfPlace(place=place, name=_name(place, names), acts=tuple(of_place)) for place, of_place in acts.items()
    ]
    return sorted(lost, key=lambda one: (one.name, str(one.place)))


def _names(session: Session, places: list[UUID]) -> Mapping[UUID, str]:
    names: dict[UUID, str] = {}
    for model in (School, Authority):
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            rows = session.execute(select(model.id, model.name).where(model.id.in_(some)))
            names.update({row.id: row.name for row in rows})
    return names


def _name(place: UUID | None, names: Mapping[UUID, str]) -> str:
    if place is None:
        return "The service itself"
    return names.get(place, "A place that joined after the backup")
