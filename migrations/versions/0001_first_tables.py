"""The first tables: organisations, people, keys, transfers, alerts and the log with its guards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from transfer_service.db import log_guards, types

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, the single head row of the log, and the guards that keep the log append-only."""
    _make_tables()
    connection = op.get_bind()
    log_guards.install(connection)


def _make_tables() -> None:  # noqa: PLR0915 -- a list, not logic
    op.create_table(
        "alert",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=True),
        sa.Column("organisation_id", types.Id(), nullable=True),
        sa.Column("transfer_id", types.Id(), nullable=True),
        sa.Column("dispatch_id", types.Id(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("not_before", types.UtcDateTime(), nullable=False),
        sa.Column("lease", types.Id(), nullable=True),
        sa.Column("leased_until", types.UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_alert_due",
        "alert",
        ["not_before"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_alert_subject", "alert", ["dispatch_id"], unique=False)
    op.create_index("ix_alert_address", "alert", ["address", "finished_at"], unique=False)
    op.create_table(
        "authority",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("la_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enrolled_at", types.UtcDateTime(), nullable=True),
        sa.Column("clock_rules", types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority")),
        sa.UniqueConstraint("la_code", name=op.f("uq_authority_la_code")),
        sqlite_strict=True,
    )
    op.create_table(
        "job_run",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_run")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("length(key_id) = 4", name=op.f("ck_log_cosignature_key_id_is_four_bytes")),
        sa.PrimaryKeyConstraint("size", "witness", "key_id", name=op.f("pk_log_cosignature")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_detail",
        sa.Column("idx", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_log_detail")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", types.UtcDateTime(), nullable=True),
        sa.Column("frozen", types.Flag(), nullable=False),
        sa.Column("frozen_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_head_single_row")),
        sa.CheckConstraint("length(frontier) % 32 = 0", name=op.f("ck_log_head_frontier_is_whole_hashes")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_log_head_size_is_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_leaf",
        sa.Column("idx", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("org", types.Id(), nullable=True),
        sa.Column("actor", types.Id(), nullable=True),
        sa.Column("transfer", types.Id(), nullable=True),
        sa.Column("subject", types.Id(), nullable=True),
        sa.Column("erases", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.CheckConstraint("idx >= 0", name=op.f("ck_log_leaf_idx_is_not_negative")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_log_leaf_hash_is_sha256")),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_log_leaf")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_log_leaf_actor_idx",
        "log_leaf",
        ["actor", "idx"],
        unique=False,
        postgresql_where=sa.text("actor IS NOT NULL"),
        sqlite_where=sa.text("actor IS NOT NULL"),
    )
    op.create_index("ix_log_leaf_at_idx", "log_leaf", ["at", "idx"], unique=False)
    op.create_index(
        "ix_log_leaf_erases",
        "log_leaf",
        ["erases"],
        unique=False,
        postgresql_where=sa.text("erases IS NOT NULL"),
        sqlite_where=sa.text("erases IS NOT NULL"),
    )
    op.create_index("ix_log_leaf_event_idx", "log_leaf", ["event", "idx"], unique=False)
    op.create_index(
        "ix_log_leaf_org_idx",
        "log_leaf",
        ["org", "idx"],
        unique=False,
        postgresql_where=sa.text("org IS NOT NULL"),
        sqlite_where=sa.text("org IS NOT NULL"),
    )
    op.create_index(
        "ix_log_leaf_subject_idx",
        "log_leaf",
        ["subject", "idx"],
        unique=False,
        postgresql_where=sa.text("subject IS NOT NULL"),
        sqlite_where=sa.text("subject IS NOT NULL"),
    )
    op.create_index(
        "ix_log_leaf_transfer_idx",
        "log_leaf",
        ["transfer", "idx"],
        unique=False,
        postgresql_where=sa.text("transfer IS NOT NULL"),
        sqlite_where=sa.text("transfer IS NOT NULL"),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_log_node_hash_is_sha256")),
        sa.CheckConstraint("level BETWEEN 1 AND 62", name=op.f("ck_log_node_level_is_above_leaves")),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_log_node")),
        sqlite_strict=True,
    )
    op.create_table(
        "person",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("suspended_at", types.UtcDateTime(), nullable=True),
        sa.Column("password_parameters", sa.Text(), nullable=True),
        sa.Column("password_verifier", sa.LargeBinary(), nullable=True),
        sa.Column("password_changed_at", types.UtcDateTime(), nullable=True),
        sa.Column("totp_seed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
        sqlite_strict=True,
    )
    op.create_table(
        "school_link",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("urn", sa.Text(), nullable=False),
        sa.Column("link_urn", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("established_on", types.Day(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_link")),
        sa.UniqueConstraint("urn", "link_urn", "kind", name=op.f("uq_school_link_urn_link_urn_kind")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_school_link_link_urn"), "school_link", ["link_urn"], unique=False)
    op.create_table(
        "sign_in_attempt",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_started_at", types.UtcDateTime(), nullable=False),
        sa.Column("locked_until", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_sign_in_attempt")),
        sqlite_strict=True,
    )
    op.create_table(
        "held_form",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("shown", types.Flag(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_held_form_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_form")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_held_form_expires_at"), "held_form", ["expires_at"], unique=False)
    op.create_index(op.f("ix_held_form_person_id"), "held_form", ["person_id"], unique=False)
    op.create_table(
        "person_key",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("kem_public", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_key_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_key")),
        sa.UniqueConstraint("person_id", "version", name=op.f("uq_person_key_person_id_version")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_person_key_active",
        "person_key",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "recovery_key",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("authority_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("kem_public", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_recovery_key_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_key")),
        sa.UniqueConstraint("authority_id", "number", name=op.f("uq_recovery_key_authority_id_number")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_recovery_key_active",
        "recovery_key",
        ["authority_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "school",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("authority_id", types.Id(), nullable=False),
        sa.Column("urn", sa.Text(), nullable=False),
        sa.Column("la_code", sa.Text(), nullable=False),
        sa.Column("establishment_number", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("type_name", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("town", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("low_age", sa.Integer(), nullable=True),
        sa.Column("high_age", sa.Integer(), nullable=True),
        sa.Column("opened_on", types.Day(), nullable=True),
        sa.Column("closed_on", types.Day(), nullable=True),
        sa.Column("safeguarding_mailbox", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_school_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school")),
        sa.UniqueConstraint("urn", name=op.f("uq_school_urn")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_school_authority_id"), "school", ["authority_id"], unique=False)
    op.create_index("ix_school_laestab", "school", ["la_code", "establishment_number"], unique=False)
    op.create_index("ix_school_search_name", "school", ["search_name"], unique=False)
    op.create_table(
        "sign_in_session",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("wrapped_seed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("password_given_at", types.UtcDateTime(), nullable=False),
        sa.Column("acting_kind", sa.Text(), nullable=True),
        sa.Column("acting_organisation_id", types.Id(), nullable=True),
        sa.Column("device_label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_in_session_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_session")),
        sa.UniqueConstraint("lookup", name=op.f("uq_sign_in_session_lookup")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_sign_in_session_expires_at"), "sign_in_session", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sign_in_session_person_id"), "sign_in_session", ["person_id"], unique=False)
    op.create_table(
        "term",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("authority_id", types.Id(), nullable=False),
        sa.Column("starts_on", types.Day(), nullable=False),
        sa.Column("ends_on", types.Day(), nullable=False),
        sa.Column("begins_new_term", types.Flag(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_term_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
        sa.UniqueConstraint("authority_id", "starts_on", name=op.f("uq_term_authority_id_starts_on")),
        sqlite_strict=True,
    )
    op.create_table(
        "trusted_device",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_trusted_device_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_device")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_trusted_device_token_hash")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_trusted_device_person_id"), "trusted_device", ["person_id"], unique=False)
    op.create_table(
        "unlock",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("wrapped_seed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", types.UtcDateTime(), nullable=True),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_unlock_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unlock")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_unlock_person_id"), "unlock", ["person_id"], unique=False)
    op.create_table(
        "closure",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("authority_id", types.Id(), nullable=False),
        sa.Column("school_id", types.Id(), nullable=True),
        sa.Column("closed_on", types.Day(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_closure_authority_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_closure_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
        sa.UniqueConstraint(
            "authority_id", "school_id", "closed_on", name=op.f("uq_closure_authority_id_school_id_closed_on")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_closure_school_id"), "closure", ["school_id"], unique=False)
    op.create_table(
        "former_urn",
        sa.Column("urn", sa.Text(), nullable=False),
        sa.Column("school_id", types.Id(), nullable=False),
        sa.Column("ended_on", types.Day(), nullable=True),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_former_urn_school_id")),
        sa.PrimaryKeyConstraint("urn", name=op.f("pk_former_urn")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_former_urn_school_id"), "former_urn", ["school_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("school_id", types.Id(), nullable=True),
        sa.Column("authority_id", types.Id(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.Column("approved_at", types.UtcDateTime(), nullable=True),
        sa.Column("approved_by", types.Id(), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", types.Id(), nullable=True),
        sa.CheckConstraint("school_id IS NULL OR authority_id IS NULL", name=op.f("ck_membership_one_place")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_membership_authority_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_membership_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_membership_authority_id"), "membership", ["authority_id"], unique=False)
    op.create_index(op.f("ix_membership_person_id"), "membership", ["person_id"], unique=False)
    op.create_index("ix_membership_place", "membership", ["school_id", "state"], unique=False)
    op.create_table(
        "school_epoch",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("school_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("kem_public", sa.LargeBinary(), nullable=False),
        sa.Column("signing_public", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("previous_signature", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.Column("approved_by", types.Id(), nullable=True),
        sa.Column("retired_at", types.UtcDateTime(), nullable=True),
        sa.Column("destroyed_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_school_epoch_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_epoch")),
        sa.UniqueConstraint("school_id", "number", name=op.f("uq_school_epoch_school_id_number")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_school_epoch_active",
        "school_epoch",
        ["school_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "transfer",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sending_school_id", types.Id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("leaving_on", types.Day(), nullable=False),
        sa.Column("starts_on", types.Day(), nullable=True),
        sa.Column("destination_confirmed_on", types.Day(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.Column("forename", sa.LargeBinary(), nullable=False),
        sa.Column("surname", sa.LargeBinary(), nullable=False),
        sa.Column("date_of_birth", sa.LargeBinary(), nullable=False),
        sa.Column("upn", sa.LargeBinary(), nullable=True),
        sa.Column("upn_choice", sa.Text(), nullable=False),
        sa.Column("upn_index", sa.LargeBinary(), nullable=True),
        sa.Column("name_index", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["sending_school_id"], ["school.id"], name=op.f("fk_transfer_sending_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
        sa.UniqueConstraint("reference", name=op.f("uq_transfer_reference")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_transfer_name_index"), "transfer", ["name_index"], unique=False)
    op.create_index("ix_transfer_sending", "transfer", ["sending_school_id", "created_at"], unique=False)
    op.create_index(op.f("ix_transfer_upn_index"), "transfer", ["upn_index"], unique=False)
    op.create_table(
        "dispatch",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("transfer_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("receiving_school_id", types.Id(), nullable=False),
        sa.Column("previous_id", types.Id(), nullable=True),
        sa.Column("urgent", types.Flag(), nullable=False),
        sa.Column("due_on", types.Day(), nullable=True),
        sa.Column("clock", types.Json(), nullable=True),
        sa.Column("receiver_due_on", types.Day(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("sent_by", types.Id(), nullable=True),
        sa.Column("delivered_at", types.UtcDateTime(), nullable=True),
        sa.Column("cover_shown_at", types.UtcDateTime(), nullable=True),
        sa.Column("opened_at", types.UtcDateTime(), nullable=True),
        sa.Column("opened_by", types.Id(), nullable=True),
        sa.Column("acknowledged_at", types.UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", types.Id(), nullable=True),
        sa.Column("withdrawn_at", types.UtcDateTime(), nullable=True),
        sa.Column("rejected_at", types.UtcDateTime(), nullable=True),
        sa.Column("rejected_by", types.Id(), nullable=True),
        sa.Column("rejection_reason", sa.Text(), nullable=True),
        sa.Column("exported_at", types.UtcDateTime(), nullable=True),
        sa.Column("filed_at", types.UtcDateTime(), nullable=True),
        sa.Column("filed_by", types.Id(), nullable=True),
        sa.Column("legal_hold", types.Flag(), nullable=False),
        sa.Column("shredded_at", types.UtcDateTime(), nullable=True),
        sa.Column("statement_version", sa.Text(), nullable=True),
        sa.Column("withheld", types.Json(), nullable=True),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("manifest_signature", sa.LargeBinary(), nullable=True),
        sa.Column("manifest_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sender_epoch", sa.Integer(), nullable=True),
        sa.Column("sent_leaf", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.CheckConstraint("number >= 1", name=op.f("ck_dispatch_number")),
        sa.ForeignKeyConstraint(["previous_id"], ["dispatch.id"], name=op.f("fk_dispatch_previous_id")),
        sa.ForeignKeyConstraint(["receiving_school_id"], ["school.id"], name=op.f("fk_dispatch_receiving_school_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfer.id"], name=op.f("fk_dispatch_transfer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch")),
        sa.UniqueConstraint("transfer_id", "number", name=op.f("uq_dispatch_transfer_id_number")),
        sqlite_strict=True,
    )
    op.create_index("ix_dispatch_receiving", "dispatch", ["receiving_school_id", "status", "due_on"], unique=False)
    op.create_index("ix_dispatch_status_due", "dispatch", ["status", "due_on"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("membership_id", types.Id(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("accepted_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["membership_id"], ["membership.id"], name=op.f("fk_invitation_membership_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_invitation_membership_id"), "invitation", ["membership_id"], unique=False)
    op.create_table(
        "item",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("transfer_id", types.Id(), nullable=False),
        sa.Column("sender_id", types.Id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("blob_key", sa.Text(), nullable=True),
        sa.Column("ciphertext_length", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("ciphertext_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("size_bucket", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.Column("shredded_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("ciphertext IS NULL OR blob_key IS NULL", name=op.f("ck_item_one_body")),
        sa.ForeignKeyConstraint(["sender_id"], ["school.id"], name=op.f("fk_item_sender_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfer.id"], name=op.f("fk_item_transfer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("blob_key", name=op.f("uq_item_blob_key")),
        sqlite_strict=True,
    )
    op.create_index("ix_item_transfer", "item", ["transfer_id"], unique=False)
    op.create_table(
        "key_grant",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("school_epoch_id", types.Id(), nullable=False),
        sa.Column("grantee_kind", sa.Text(), nullable=False),
        sa.Column("grantee_id", types.Id(), nullable=False),
        sa.Column("grantee_version", sa.Integer(), nullable=False),
        sa.Column("grantee_fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(["school_epoch_id"], ["school_epoch.id"], name=op.f("fk_key_grant_school_epoch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_grant")),
        sa.UniqueConstraint(
            "school_epoch_id",
            "grantee_kind",
            "grantee_id",
            "grantee_version",
            name=op.f("uq_key_grant_school_epoch_id_grantee_kind_grantee_id_grantee_version"),
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_key_grant_grantee", "key_grant", ["grantee_id"], unique=False)
    op.create_table(
        "acknowledgement",
        sa.Column("dispatch_id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("statement_version", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("senco_told", types.Flag(), nullable=False),
        sa.Column("key_staff_told", types.Flag(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("signed_bytes", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_acknowledgement_dispatch_id")),
        sa.PrimaryKeyConstraint("dispatch_id", name=op.f("pk_acknowledgement")),
        sqlite_strict=True,
    )
    op.create_table(
        "breach",
        sa.Column("dispatch_id", types.Id(), nullable=False),
        sa.Column("school_id", types.Id(), nullable=False),
        sa.Column("known_at", types.UtcDateTime(), nullable=False),
        sa.Column("report_by", types.UtcDateTime(), nullable=False),
        sa.Column("checklist", types.Json(), nullable=False),
        sa.Column("closed_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_breach_dispatch_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_breach_school_id")),
        sa.PrimaryKeyConstraint("dispatch_id", name=op.f("pk_breach")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_breach_school_id"), "breach", ["school_id"], unique=False)
    op.create_table(
        "dispatch_item",
        sa.Column("dispatch_id", types.Id(), nullable=False),
        sa.Column("item_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_dispatch_item_dispatch_id")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_dispatch_item_item_id")),
        sa.PrimaryKeyConstraint("dispatch_id", "item_id", name=op.f("pk_dispatch_item")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_dispatch_item_item_id"), "dispatch_item", ["item_id"], unique=False)
    op.create_table(
        "item_grant",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("item_id", types.Id(), nullable=False),
        sa.Column("dispatch_id", types.Id(), nullable=False),
        sa.Column("recipient_id", types.Id(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_item_grant_dispatch_id")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_grant_item_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["school.id"], name=op.f("fk_item_grant_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_grant")),
        sa.UniqueConstraint(
            "item_id",
            "dispatch_id",
            "recipient_id",
            "epoch",
            name=op.f("uq_item_grant_item_id_dispatch_id_recipient_id_epoch"),
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_item_grant_dispatch", "item_grant", ["dispatch_id", "recipient_id"], unique=False)
    op.create_index("ix_item_grant_recipient", "item_grant", ["recipient_id", "epoch"], unique=False)
    op.create_table(
        "opening",
        sa.Column("dispatch_id", types.Id(), nullable=False),
        sa.Column("person_id", types.Id(), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_opening_dispatch_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_opening_person_id")),
        sa.PrimaryKeyConstraint("dispatch_id", "person_id", name=op.f("pk_opening")),
        sqlite_strict=True,
    )
