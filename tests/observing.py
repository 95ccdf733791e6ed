"""What a test sees of the service from outside: the log, the outbox, and whether any row changed."""

from __future__ import annotations

from sqlalchemy import select

from tests.cast import Service
from transfer_service.audit.leaf import LeafFields, decode_leaf
from transfer_service.db.models import Alert, LogLeaf, Model


def leaves(service: Service) -> list[LeafFields]:
    """Everything that the log says, in order."""
    with service.database.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
    return [decode_leaf(body).said for body in bodies]


def alerts(service: Service) -> list[tuple[str, str]]:
    """Kind and address of every alert in the outbox, sorted."""
    with service.database.reading() as session:
        return sorted((row.kind, row.address) for row in session.scalars(select(Alert)))


def rows(service: Service) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, to tell whether anything at all was changed."""
    with service.database.reading() as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in Model.metadata.sorted_tables
        }
