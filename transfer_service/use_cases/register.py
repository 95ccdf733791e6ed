"""The register of schools, read from an extract of GIAS, as one act: a second run changes nothing.

What the register says of a school replaces what was known. What it leaves empty, and a school that is not in it, stay
as they are, since an extract may hold few columns or one authority alone. When a school that is in use here converts
to an academy, its row takes the new URN and keeps its id, so that its people, keys and files stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from transfer_service.audit import log
from transfer_service.db.models import Authority, FormerUrn, School, SchoolLink
from transfer_service.domain.events import Basis, Event
from transfer_service.interchange.gias import GiasRow, LinkRow, RefusedRow
from transfer_service.use_cases.recording import entry
from transfer_service.use_cases.register_plan import ClockAndIds, Plan, make_plan

_CHUNK = 5_000


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
    plan = make_plan(session, at, rows=rows, links=links)
    report = _report(plan)
    if report.changes_something and not dry_run:
        _write(session, plan)
        _record(session, at, plan, digest)
    return report


def _report(plan: Plan) -> ImportReport:
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


def _write(session: Session, plan: Plan) -> None:
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


def _record(session: Session, at: ClockAndIds, plan: Plan, digest: bytes | None) -> None:
    """Leave the leaves; no detail, so that the import needs no key."""
    basis = Basis.COMMAND_LINE
    entries = [
        entry(None, Event.SCHOOL_SUCCEEDED, basis=basis, org=one.school_id, subject=one.school_id)
        for one in plan.conversions
    ]
    entries.append(entry(None, Event.SCHOOLS_IMPORTED, basis=basis, digest=digest))
    log.append_all(session, entries=entries, now=at.now())


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
