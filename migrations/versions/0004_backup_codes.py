"""Backup codes, which stand once for a code of the authenticator app."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from transfer_service.db import types

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; nobody has codes until they make some."""
    op.create_table(
        "backup_code",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("(hash IS NULL) = (used_at IS NOT NULL)", name=op.f("ck_backup_code_used_has_no_hash")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_backup_code_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_code")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_backup_code_person_id"), "backup_code", ["person_id"], unique=False)
