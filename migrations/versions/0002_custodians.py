"""Recovery custodians, their drills, and requests for a recovery by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from transfer_service.db import types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the three tables; nothing that is there changes."""
    op.create_table(
        "custodian",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("recovery_key_id", types.Id(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("employer", sa.Text(), nullable=False),
        sa.Column("works_for_authority", types.Flag(), nullable=False),
        sa.Column("is_head_of_service", types.Flag(), nullable=False),
        sa.Column("operates_service", types.Flag(), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.Column("recorded_by", types.Id(), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(["recovery_key_id"], ["recovery_key.id"], name=op.f("fk_custodian_recovery_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custodian")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_custodian_share",
        "custodian",
        ["recovery_key_id", "share"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "recovery_drill",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("recovery_key_id", types.Id(), nullable=False),
        sa.Column("bundle_sha256", sa.Text(), nullable=False),
        sa.Column("exported_at", types.UtcDateTime(), nullable=False),
        sa.Column("exported_by", types.Id(), nullable=True),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=True),
        sa.Column("recorded_by", types.Id(), nullable=True),
        sa.Column("opened", sa.Integer(), nullable=True),
        sa.Column("failed", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recovery_key_id"], ["recovery_key.id"], name=op.f("fk_recovery_drill_recovery_key_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_drill")),
        sa.UniqueConstraint("bundle_sha256", name=op.f("uq_recovery_drill_bundle_sha256")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_recovery_drill_recovery_key_id"), "recovery_drill", ["recovery_key_id"], unique=False)
    _make_requests()


def _make_requests() -> None:
    op.create_table(
        "recovery_request",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("school_id", types.Id(), nullable=False),
        sa.Column("membership_id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("key_fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_at", types.UtcDateTime(), nullable=False),
        sa.Column("requested_by", types.Id(), nullable=False),
        sa.Column("first_approved_at", types.UtcDateTime(), nullable=True),
        sa.Column("first_approved_by", types.Id(), nullable=True),
        sa.Column("approved_at", types.UtcDateTime(), nullable=True),
        sa.Column("approved_by", types.Id(), nullable=True),
        sa.Column("bundle_sha256", sa.Text(), nullable=True),
        sa.Column("exported_at", types.UtcDateTime(), nullable=True),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["membership_id"], ["membership.id"], name=op.f("fk_recovery_request_membership_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_recovery_request_person_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_recovery_request_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_request")),
        sqlite_strict=True,
    )
    op.create_index("ix_recovery_request_school", "recovery_request", ["school_id"], unique=False)
