"""One page of the log as an authority sees it, found from indexes alone however long the log is and whoever shares it.

Every way to a page starts at a known index and reads no more entries than it shows, or for one person's acts no more
than an index holds of them. Time in the log never goes back, so that days become a range of indexes first. Of all
schools of an authority at once the newest entries are merged school by school: the leaves of other authorities, which
may lie between two of them by the million, are not walked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, literal, select, true, tuple_
from sqlalchemy.orm import Session

from transfer_service.db.models import LogLeaf, School
from transfer_service.db.queries.log import Wanted
from transfer_service.db.types import Id, Whole

LAST = 2**63 - 1
"""Past every index."""
_NOWHERE = UUID(int=0)
"""Stands for the place of an act that belongs to none."""


@dataclass(frozen=True, slots=True)
class _Range:
    """From which index on, and before which; None where that side is open."""

    first: int | None
    before: int | None

    def holds(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the index."""
        found: list[ColumnElement[bool]] = []
        if self.first is not None:
            found.append(LogLeaf.idx >= self.first)
        if self.before is not None:
            found.append(LogLeaf.idx < self.before)
        return found


def list_leaves(session: Session, wanted: Wanted, *, before: int | None, limit: int) -> Sequence[LogLeaf]:
    """List leaves that an authority sees, the newest first, from before an index.

    On PostgreSQL that takes six statements at most; on SQLite one more for each school of which the page has leaves.
    """
    within = _find_range(session, wanted, before)
    if within is None:
        return []
    if wanted.transfer_id is None and wanted.person_id is None and wanted.school_id is None:
        indexes = _merge_places(session, wanted, within, limit)
    else:
        indexes = _find_by_one(wanted, within, limit)
    if indexes is None:
        return []
    found = select(LogLeaf).where(LogLeaf.idx.in_(indexes)).order_by(LogLeaf.idx.desc())
    return session.scalars(found).all()


def _find_range(session: Session, wanted: Wanted, before: int | None) -> _Range | None:
    """Turn the moments asked for into indexes; None where nothing can lie between them."""
    first = None
    if wanted.since is not None:
        first = _first_at(session, wanted.since)
        if first is None:
            return None
    if wanted.until is not None:
        end = _first_at(session, wanted.until)
        before = end if before is None else before if end is None else min(before, end)
    return _Range(first, before)


def _first_at(session: Session, moment: Any) -> int | None:
    """Return the index of the first leaf that is not older than a moment."""
    return session.scalar(select(LogLeaf.idx).where(LogLeaf.at >= moment).order_by(LogLeaf.at, LogLeaf.idx).limit(1))


def _find_by_one(wanted: Wanted, within: _Range, limit: int) -> Any:
    """The newest indexes of one transfer, one person or one school, whose index of the table ends in `idx`."""
    conditions = within.holds()
    if wanted.event is not None:
        conditions.append(LogLeaf.event == wanted.event)
    if wanted.transfer_id is not None:
        conditions += [LogLeaf.transfer == wanted.transfer_id, _is_seen(wanted)]
        if wanted.person_id is not None:
            # Not by the index of persons: a transfer has some hundreds of leaves, a person may have many thousands.
            conditions.append(func.coalesce(LogLeaf.actor, literal(_NOWHERE, Id())) == wanted.person_id)
    elif wanted.person_id is not None:
        conditions += [LogLeaf.actor == wanted.person_id, _is_seen(wanted)]
    else:
        conditions.append(LogLeaf.org == wanted.school_id)
    return _newest(conditions, limit)


def _is_seen(wanted: Wanted) -> ColumnElement[bool]:
    """Hold to the school asked for, else to the authority and its schools; of a person also what belongs to no place.

    It is written so that no index of places is thought of: the page is found by the person or the transfer.
    """
    place = func.coalesce(LogLeaf.org, literal(_NOWHERE, Id()))
    if wanted.school_id is not None:
        return place == wanted.school_id
    schools = select(School.id).where(School.authority_id == wanted.authority_id)
    own = place.in_(schools) | (place == wanted.authority_id)
    return own | (place == _NOWHERE) if wanted.person_id is not None else own


def _merge_places(session: Session, wanted: Wanted, within: _Range, limit: int) -> list[int] | None:
    """The newest indexes of the authority and all its schools; None where there are none.

    Only the schools with the newest leaves can have a part in the page: as many as it has lines. Of each of them no
    more leaves are looked at than the page has lines.
    """
    newest = _newest_of_place(School.id, wanted.event, within).correlate(School).scalar_subquery()
    last = session.execute(select(School.id, newest).where(School.authority_id == wanted.authority_id)).all()
    schools = [(idx, school) for school, idx in last if idx is not None and idx >= (within.first or 0)]
    chosen = [school for _, school in sorted(schools, key=lambda pair: pair[0], reverse=True)[:limit]]
    event = [LogLeaf.event == wanted.event] if wanted.event is not None else []
    own = _newest([LogLeaf.org == wanted.authority_id, *event, *within.holds()], limit)
    found = list(session.scalars(own))
    if session.get_bind().dialect.name == "postgresql":
        found += session.scalars(_newest_of_each(chosen, wanted.event, within, limit))
    else:
        for school in chosen:
            # A statement a school costs SQLite next to nothing; each looks no further back than can have a part.
            found = sorted(found, reverse=True)[:limit]
            newer = [LogLeaf.idx > (found[-1] if len(found) == limit else -1)]
            found += session.scalars(_newest([LogLeaf.org == school, *event, *newer, *within.holds()], limit))
    return sorted(found, reverse=True)[:limit] or None


def _newest_of_each(schools: Sequence[UUID], event: str | None, within: _Range, limit: int) -> Select[Any]:
    """The newest indexes of each of some schools in one statement, for PostgreSQL, which may be far away."""
    leaves = _back_from(School.id, event, within)
    each = leaves.query.limit(limit).correlate(School).lateral("each")
    conditions = [each.c.org == School.id, each.c.idx >= (within.first or 0)]
    if event is not None:
        conditions.append(each.c.event == event)
    return select(each.c.idx).select_from(School).join(each, true()).where(School.id.in_(schools), *conditions)


def _newest_of_place(place: Any, event: str | None, within: _Range) -> Select[Any]:
    """The newest index of one place before the range's end, or NULL where the row before it is of another one."""
    leaves = _back_from(place, event, within)
    return leaves.query.with_only_columns(case((leaves.same, LogLeaf.idx))).limit(1)


@dataclass(frozen=True, slots=True)
class _Back:
    """Leaves backwards from a point in the order of the places, and what holds while they are of the one asked for."""

    query: Select[Any]
    same: ColumnElement[bool]


def _back_from(place: Any, event: str | None, within: _Range) -> _Back:
    """Go back from the range's end in the order of the places, which no other index has.

    Asked for the greatest indexes of a place, PostgreSQL walks back from the newest leaf of all until it has met enough
    of that place.
    """
    before = literal(within.before if within.before is not None else LAST, Whole)
    columns: list[Any] = [LogLeaf.org, LogLeaf.idx]
    point: list[Any] = [place, before]
    same: ColumnElement[bool] = LogLeaf.org == place
    if event is not None:
        columns, point = [LogLeaf.org, LogLeaf.event, LogLeaf.idx], [place, literal(event), before]
        same &= LogLeaf.event == event
    query = (
        select(*columns)
        .where(LogLeaf.org.is_not(None), tuple_(*columns) < tuple_(*point))
        .order_by(*(column.desc() for column in columns))
    )
    return _Back(query, same)


def _newest(conditions: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    return select(LogLeaf.idx).where(*conditions).order_by(LogLeaf.idx.desc()).limit(limit)
