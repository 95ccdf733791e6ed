"""Items that are encrypted again under new data keys, and the origin of a school's key under authentication."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from transfer_service.db import types

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of statements and two columns that may be empty; nothing that is there changes."""
    op.create_table(
        "item_reencryption",
        sa.Column("item_id", types.Id(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("school_id", types.Id(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_item_reencryption_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_item_reencryption_school_id")),
        sa.PrimaryKeyConstraint("item_id", "revision", name=op.f("pk_item_reencryption")),
        sqlite_strict=True,
    )
    op.create_index("ix_item_reencryption_school", "item_reencryption", ["school_id", "created_at"], unique=False)
    op.add_column("item", sa.Column("reencrypted_at", types.UtcDateTime(), nullable=True))
    op.add_column("school_epoch", sa.Column("origin_mac", sa.LargeBinary(), nullable=True))
