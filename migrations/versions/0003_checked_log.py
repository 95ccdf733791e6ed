"""Numbers for kept cosignatures, and the indexes by which an authority's pages of the log start at a known place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from transfer_service.db import log_guards, types

revision = "0003"
down_revision = "0002"

_WHOLE = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    """Number the cosignatures in the order in which they came, and exchange an index for one that covers more."""
    if op.get_bind().dialect.name == "sqlite":
        _make_table_anew()
    else:
        _add_column()
    log_guards.install(op.get_bind())
    op.create_index(
        "ix_log_leaf_org_event_idx",
        "log_leaf",
        ["org", "event", "idx"],
        unique=False,
        postgresql_where=sa.text("org IS NOT NULL"),
        sqlite_where=sa.text("org IS NOT NULL"),
    )
    op.drop_index("ix_log_leaf_actor_idx", "log_leaf")
    op.create_index(
        "ix_log_leaf_actor_idx_event_org",
        "log_leaf",
        ["actor", "idx", "event", "org"],
        unique=False,
        postgresql_where=sa.text("actor IS NOT NULL"),
        sqlite_where=sa.text("actor IS NOT NULL"),
    )


def _make_table_anew() -> None:
    """SQLite adds no column that must have a value; the table's guards go with it and are installed again."""
    op.create_table(
        "log_cosignature_numbered",
        sa.Column("size", _WHOLE, autoincrement=False, nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("number", _WHOLE, nullable=False),
        sa.CheckConstraint("length(key_id) = 4", name=op.f("ck_log_cosignature_key_id_is_four_bytes")),
        sa.PrimaryKeyConstraint("size", "witness", "key_id", name=op.f("pk_log_cosignature")),
        sa.UniqueConstraint("number", name=op.f("uq_log_cosignature_number")),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO log_cosignature_numbered (size, witness, key_id, signature, received_at, number) "
        "SELECT size, witness, key_id, signature, received_at, "
        "row_number() OVER (ORDER BY received_at, size, witness, key_id) FROM log_cosignature"
    )
    op.drop_table("log_cosignature")
    op.rename_table("log_cosignature_numbered", "log_cosignature")


def _add_column() -> None:
    op.add_column("log_cosignature", sa.Column("number", _WHOLE, nullable=True))
    op.execute("ALTER TABLE log_cosignature DISABLE TRIGGER USER")
    op.execute(
        "UPDATE log_cosignature SET number = n.number FROM (SELECT size, witness, key_id, row_number() OVER "
        "(ORDER BY received_at, size, witness, key_id) AS number FROM log_cosignature) n WHERE n.size = "
        "log_cosignature.size AND n.witness = log_cosignature.witness AND n.key_id = log_cosignature.key_id"
    )
    op.execute("ALTER TABLE log_cosignature ENABLE TRIGGER USER")
    op.alter_column("log_cosignature", "number", nullable=False)
    op.create_unique_constraint(op.f("uq_log_cosignature_number"), "log_cosignature", ["number"])
