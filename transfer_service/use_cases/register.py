"""The register of schools, read from an extract of GIAS, as one act: a second run changes nothing.

What the register says of a school replaces what was known. What it leaves empty, and a school that is not in it, stay
as they are, since an extract may hold few columns or one authority alone. When a school that is in use here converts
to an academy, its row takes the new URN and keeps its id, so that its people, keys and files stay (keys, "Life of a
key").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from transfer_service.audit import log
from transfer_service.db.models import Authority, FormerUrn, School, SchoolLink
from transfer_service.db.queries.schools import ids_in_use
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.search import fold_for_search
from transfer_service.interchange.gias import GiasRow, LinkRow, RefusedRow
from transfer_service.use_cases.recording import entry

PLAIN_SUCCESSOR, PLAIN_PREDECESSOR = "Successor", "Predecessor"

_COMPARED = (
    "authority_id", "la_code", "establishment_number", "name", "search_name", "type_name", "phase", "status", "town",
    "postcode", "telephone", "low_age", "high_age", "opened_on", "closed_on",
)  # fmt: skip
_CHUNK = 5_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, or with `dry_run` would do; counts of rows, and every refused row with its reason."""

    created: int
    changed: int
    closed: int
    converted: int
    unchanged: int
    authorities_created: int
    links_changed: int
    refused: tuple[RefusedRow, ...]
    refused_links: tuple[RefusedRow, ...]

    @property
    def changes_something(self) -> bool:
        """Whether anything at all was written."""
        counts = (self.created, self.changed, self.closed, self.converted, self.authorities_created, self.links_changed)
        return any(counts)


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    authorities: list[dict[str, Any]] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    closed: int = 0
    unchanged: int = 0
    conversions: list[_Conversion] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    link_dates: list[dict[str, Any]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    refused_links: list[RefusedRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conversion:
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


def import_schools(
    session: Session,
    at: ClockAndIds,
    *,
    rows: Iterable[GiasRow | RefusedRow],
    links: Iterable[LinkRow | RefusedRow] = (),
    digest: bytes | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Bring the register to what an extract says; all of it or, where anything fails, nothing.

    `rows` and `links` are what `interchange.gias` reads; `digest` is the SHA-256 of the extract, for the leaf. Refused
    rows are reported and change nothing. With `dry_run` nothing is written. Leaves one leaf for the import and one for
    each school that took its successor's URN, and none where nothing changed. Raises LogFrozen.
    """
    known = _load(session)
    plan = _Plan()
    accepted = _accept(rows, plan)
    _plan_links(at, links, known, plan)
    successions = _successions([*known.links, *((row["urn"], row["link_urn"], row["kind"]) for row in plan.links)])
    _plan_conversions(session, accepted, successions, known, plan)
    _plan_rows(at, accepted, known, plan)
    report = _report(plan)
    if report.changes_something and not dry_run:
        _write(session, plan)
        _record(session, at, plan, digest)
    return report


def _load(session: Session) -> _Known:
    schools = session.execute(select(School.id, School.urn, *(getattr(School, name) for name in _COMPARED)))
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


def _accept(rows: Iterable[GiasRow | RefusedRow], plan: _Plan) -> dict[str, GiasRow]:
    """Keep the usable rows by their URN; the others are reported."""
    accepted: dict[str, GiasRow] = {}
    for row in rows:
        if isinstance(row, RefusedRow):
            plan.refused.append(row)
        else:
            accepted[row.urn] = row
    return accepted


def _plan_links(at: ClockAndIds, links: Iterable[LinkRow | RefusedRow], known: _Known, plan: _Plan) -> None:
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
    session: Session, accepted: Mapping[str, GiasRow], successions: Mapping[str, str], known: _Known, plan: _Plan
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
                _Conversion(
                    school_id=school_id,
                    former=former,
                    successor=successor,
                    replaced=None if rival is None else rival.id,
                )
            )


def _plan_rows(at: ClockAndIds, accepted: Mapping[str, GiasRow], known: _Known, plan: _Plan) -> None:
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


def _authority_of(at: ClockAndIds, row: GiasRow, known: _Known, plan: _Plan) -> UUID:
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


def _report(plan: _Plan) -> ImportReport:
    return ImportReport(
        created=len(plan.created),
        changed=len(plan.changed) - plan.closed - len(plan.conversions) + len(plan.renamed),
        closed=plan.closed,
        converted=len(plan.conversions),
        unchanged=plan.unchanged,
        authorities_created=len(plan.authorities),
        links_changed=len(plan.links) + len(plan.link_dates),
        refused=tuple(plan.refused),
        refused_links=tuple(plan.refused_links),
    )


def _write(session: Session, plan: _Plan) -> None:
    """Write the plan, whatever others refer to first."""
    replaced = [one.replaced for one in plan.conversions if one.replaced is not None]
    for chunk in _chunks(replaced):
        session.execute(delete(School).where(School.id.in_(chunk)))
    former = [
        {"urn": one.former.urn, "school_id": one.school_id, "ended_on": one.former.closed_on}
        for one in plan.conversions
    ]
    for verb, table, values in (
        (insert, Authority, plan.authorities),
        (update, Authority, plan.renamed),
        (update, School, plan.changed),
        (insert, School, plan.created),
        (insert, FormerUrn, former),
        (insert, SchoolLink, plan.links),
        (update, SchoolLink, plan.link_dates),
    ):
        for chunk in _chunks(values):
            session.execute(verb(table), chunk)


def _record(session: Session, at: ClockAndIds, plan: _Plan, digest: bytes | None) -> None:
    """Leave the leaves; no detail, so that the import needs no key."""
    basis = Basis.COMMAND_LINE.value
    entries = [
        entry(None, Event.SCHOOL_SUCCEEDED, basis=basis, org=one.school_id, subject=one.school_id)
        for one in plan.conversions
    ]
    entries.append(entry(None, Event.SCHOOLS_IMPORTED, basis=basis, digest=digest))
    log.append_all(session, entries=entries, now=at.now())


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
