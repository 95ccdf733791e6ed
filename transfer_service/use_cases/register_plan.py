"""What an extract of the register changes: compared with what is known, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Authority, FormerUrn, School, SchoolLink
from transfer_service.db.queries.schools import ids_in_use
from transfer_service.domain.search import fold_for_search
from transfer_service.interchange.gias import GiasRow, LinkRow, RefusedRow

PLAIN_SUCCESSOR, PLAIN_PREDECESSOR = "Successor", "Predecessor"

REGISTER_COLUMNS = (
    "authority_id", "la_code", "establishment_number", "name", "search_name", "type_name", "phase", "status", "town",
    "postcode", "telephone", "low_age", "high_age", "opened_on", "closed_on",
)  # fmt: skip
"""What the register gives of a school, and what a converted one takes over from its successor's entry."""


class ClockAndIds(Protocol):
    """What the import needs of an installation: the time and new ids, and no key."""

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock (aware UTC)."""
        ...

    @property
    def new_id(self) -> Callable[[], UUID]:
        """The source of new ids."""
        ...


@dataclass(slots=True)
class Plan:
    """What is to be written."""

    authorities: list[dict[str, Any]] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    closed: int = 0
    unchanged: int = 0
    conversions: list[Conversion] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    link_dates: list[dict[str, Any]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    refused_links: list[RefusedRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A school whose row takes its successor's URN; `replaced` is an unused row of the successor that goes."""

    school_id: UUID
    former: GiasRow
    successor: GiasRow
    replaced: UUID | None


@dataclass(frozen=True, slots=True)
class _Known:
    """The register as the database has it."""

    schools: Mapping[str, Any]
    former: Mapping[str, UUID]
    authorities: dict[str, Any]
    links: Mapping[tuple[str, str, str], Any]


def make_plan(
    session: Session, at: ClockAndIds, *, rows: Iterable[GiasRow | RefusedRow], links: Iterable[LinkRow | RefusedRow]
) -> Plan:
    """Compare an extract with the register as it is known and plan what is to be written."""
    known = _load(session)
    plan = Plan()
    accepted = _accept(rows, plan)
    _plan_links(at, links, known, plan)
    successions = _successions([*known.links, *((row["urn"], row["link_urn"], row["kind"]) for row in plan.links)])
    _plan_conversions(session, accepted, successions, known, plan)
    _plan_rows(at, accepted, known, plan)
    return plan


def _load(session: Session) -> _Known:
    schools = session.execute(select(School.id, School.urn, *(getattr(School, name) for name in REGISTER_COLUMNS)))
    authorities = session.execute(select(Authority.id, Authority.la_code, Authority.name, Authority.enrolled_at))
    links = session.execute(
        select(SchoolLink.id, SchoolLink.urn, SchoolLink.link_urn, SchoolLink.kind, SchoolLink.established_on)
    )
    return _Known(
        schools={row.urn: row for row in schools},
        former={row.urn: row.school_id for row in session.execute(select(FormerUrn.urn, FormerUrn.school_id))},
        authorities={row.la_code: row for row in authorities},
        links={(row.urn, row.link_urn, row.kind): row for row in links},
    )


def _accept(rows: Iterable[GiasRow | RefusedRow], plan: Plan) -> dict[str, GiasRow]:
    """Keep the usable rows by their URN; the others are reported."""
    accepted: dict[str, GiasRow] = {}
    for row in rows:
        if isinstance(row, RefusedRow):
            plan.refused.append(row)
        else:
            accepted[row.urn] = row
    return accepted


def _plan_links(at: ClockAndIds, links: Iterable[LinkRow | RefusedRow], known: _Known, plan: Plan) -> None:
    seen: set[tuple[str, str, str]] = set()
    for link in links:
        if isinstance(link, RefusedRow):
            plan.refused_links.append(link)
            continue
        key = (link.urn, link.link_urn, link.kind)
        if key in seen:
            continue
        seen.add(key)
        stored = known.links.get(key)
        if stored is None:
            plan.links.append(
                {
                    "id": at.new_id(),
                    "urn": link.urn,
                    "link_urn": link.link_urn,
                    "kind": link.kind,
                    "established_on": link.established_on,
                }
            )
        elif stored.established_on != link.established_on:
            plan.link_dates.append({"id": stored.id, "established_on": link.established_on})


def _successions(links: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return who simply succeeded whom: one school by one school, without a split, merger or amalgamation.

    Those need a person's confirmation. A link may be told from either end.
    """
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    complicated: set[str] = set()
    for urn, other, kind in links:
        if kind == PLAIN_SUCCESSOR:
            old, new = urn, other
        elif kind == PLAIN_PREDECESSOR:
            old, new = other, urn
        else:
            if kind.startswith((PLAIN_SUCCESSOR, PLAIN_PREDECESSOR, "Result of Amalgamation")):
                complicated.update((urn, other))
            continue
        after.setdefault(old, set()).add(new)
        before.setdefault(new, set()).add(old)
    return {
        old: next(iter(new))
        for old, new in after.items()
        if len(new) == 1 and len(before[next(iter(new))]) == 1 and not complicated & {old, *new}
    }


def _plan_conversions(
    session: Session, accepted: Mapping[str, GiasRow], successions: Mapping[str, str], known: _Known, plan: Plan
) -> None:
    """Find schools in use that closed and were simply succeeded by an open one which nobody uses yet."""
    candidates: dict[UUID, tuple[GiasRow, GiasRow]] = {}
    for old, new in successions.items():
        stored, former, successor = known.schools.get(old), accepted.get(old), accepted.get(new)
        if stored is None or former is None or successor is None or new in known.former:
            continue
        if former.is_closed and not successor.is_closed:
            candidates[stored.id] = (former, successor)
    rivals = {row.id for _, successor in candidates.values() if (row := known.schools.get(successor.urn)) is not None}
    in_use = ids_in_use(session, [*candidates, *rivals])
    for school_id, (former, successor) in candidates.items():
        rival = known.schools.get(successor.urn)
        if school_id in in_use and (rival is None or rival.id not in in_use):
            plan.conversions.append(
                Conversion(
                    school_id=school_id,
                    former=former,
                    successor=successor,
                    replaced=None if rival is None else rival.id,
                )
            )


def _plan_rows(at: ClockAndIds, accepted: Mapping[str, GiasRow], known: _Known, plan: Plan) -> None:
    converted = {urn for one in plan.conversions for urn in (one.former.urn, one.successor.urn)}
    for row in accepted.values():
        authority_id = _authority_of(at, row, known, plan)
        if row.urn in known.former:
            plan.unchanged += 1  # the school of today has a row of its own, or will have one
            continue
        if row.urn in converted:
            continue
        stored = known.schools.get(row.urn)
        values = _values(row, authority_id, stored)
        if stored is None:
            plan.created.append({"id": at.new_id(), "urn": row.urn, **values})
        elif all(getattr(stored, name) == value for name, value in values.items()):
            plan.unchanged += 1
        else:
            plan.changed.append({"id": stored.id, "urn": row.urn, **values})
            plan.closed += row.is_closed and stored.status != row.status
    for one in plan.conversions:
        row = one.successor
        values = _values(row, known.authorities[row.la_code].id, known.schools[one.former.urn])
        plan.changed.append({"id": one.school_id, "urn": row.urn, **values, "closed_on": row.closed_on})


@dataclass(frozen=True, slots=True)
class _NewAuthority:
    """An authority met in this file for the first time."""

    id: UUID
    name: str
    enrolled_at: datetime | None = None


def _authority_of(at: ClockAndIds, row: GiasRow, known: _Known, plan: Plan) -> UUID:
    """Return the authority's id, planning it where it is new and its new name where it has not joined the service."""
    stored = known.authorities.get(row.la_code)
    if stored is None:
        stored = known.authorities[row.la_code] = _NewAuthority(at.new_id(), row.la_name)
        plan.authorities.append({"id": stored.id, "la_code": row.la_code, "name": row.la_name})
    elif stored.name != row.la_name and stored.enrolled_at is None:
        known.authorities[row.la_code] = _NewAuthority(stored.id, row.la_name)
        plan.renamed.append({"id": stored.id, "name": row.la_name})
    school_authority: UUID = stored.id
    return school_authority


def _values(row: GiasRow, authority_id: UUID, stored: Any | None) -> dict[str, Any]:
    """Return a school's columns, except its id and URN; what the row leaves empty keeps what was known."""
    said = {
        "establishment_number": row.establishment_number,
        "type_name": row.type_name,
        "phase": row.phase,
        "town": row.town,
        "postcode": row.postcode,
        "telephone": row.telephone,
        "low_age": row.low_age,
        "high_age": row.high_age,
        "opened_on": row.opened_on,
    }
    if stored is not None:
        said = {name: getattr(stored, name) if value in (None, "") else value for name, value in said.items()}
    postcode = str(said["postcode"])
    return {
        **said,
        "authority_id": authority_id,
        "la_code": row.la_code,
        "name": row.name,
        # The postcode once more without its gap, as some type it.
        "search_name": fold_for_search(f"{row.name} {said['town']} {postcode} {postcode.replace(' ', '')}"),
        "status": row.status,
        "closed_on": row.closed_on or (stored.closed_on if stored is not None and row.is_closed else None),
    }
