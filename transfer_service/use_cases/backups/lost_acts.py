"""What was done after the backup: the log has it, the rows of it are gone, and each school must hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf
from transfer_service.db.models import Authority, School
from transfer_service.use_cases.backups.answers import answer_to

_AT_ONCE: Final = 1_000


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


def list_lost_acts(session: Session, leaves: Iterable[Leaf]) -> list[LostOfPlace]:
    """Group the acts of which something is lost by the school or authority that they were of, by name."""
    acts: dict[UUID | None, list[LostAct]] = {}
    for leaf in leaves:
        said = leaf.said
        if not answer_to(said.event).is_told:
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
