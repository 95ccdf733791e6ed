"""A role is suspended, never a person: the column that no use case ever wrote goes."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Drop the column; who is suspended stands in `membership.state`, as before."""
    op.drop_column("person", "suspended_at")
