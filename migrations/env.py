"""Alembic's entry: runs the migrations on the connection that `transfer_service.db.migrate` hands over."""

from __future__ import annotations

from alembic import context

from transfer_service.db.models import Model

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Model.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
