"""What the tests of the authority's pages ask of rows and pages."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element

from sqlalchemy import func, select

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.db.models import Dispatch, LogLeaf
from transfer_service.domain.transfer import Status

SENDING, RECEIVING, STRANGER, KEYLESS = "125580", "125581", "125582", "125583"
LATER = datetime(2026, 9, 21, 8, tzinfo=UTC)
"""After both clocks of what the factories make have run out."""


def make(stage: Stage, status: Status, **more: Any) -> UUID:
    """A dispatch from Alma's school to Cora's, or to the school without keys."""
    return factories.dispatch_in(
        stage, status, sender=stage.alma, receiver=stage.cora, keyless_school_id=stage.cast.keyless, **more
    )


def reference_of(stage: Stage, dispatch_id: UUID) -> str:
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id).transfer.reference


def log_size(stage: Stage) -> int:
    with stage.database.reading() as session:
        return session.scalar(select(func.count()).select_from(LogLeaf)) or 0


def events_after(stage: Stage, size: int) -> list[str]:
    """The events of the leaves from an index on."""
    with stage.database.reading() as session:
        return list(session.scalars(select(LogLeaf.event).where(LogLeaf.idx >= size).order_by(LogLeaf.idx)))


def rows_of(page: Element) -> list[list[str]]:
    """The cells of every table row, as one text each."""
    return [[" ".join(" ".join(cell.itertext()).split()) for cell in row] for row in page.iter("tr")]


def row_of(page: Element, words: str) -> list[str]:
    """The row whose first cell begins with some words."""
    found = [cells for cells in rows_of(page) if cells and cells[0].startswith(words)]
    assert found, f"no row that begins with {words}"
    return found[0]
