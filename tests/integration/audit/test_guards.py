"""Attacks on the log through the application's own connection: the database refuses each."""

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from tests.integration.audit.conftest import Log, hex_literal
from transfer_service.db import log_guards
from transfer_service.db.models.log import LogHead, LogLeaf

H32 = "00" * 32

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def attack(log: Log, statement: str) -> str:
    """Run the statement as the application; return what the database said, or nothing where it did not refuse."""
    statement = statement.replace("HASH", hex_literal(log, H32))
    at = "now()" if log.kind == "postgresql" else "9999999999999999"
    try:
        with log.database.writing() as session:
            session.connection().exec_driver_sql(statement.replace("TIME", at))
    except DBAPIError as error:
        return str(error.orig)
    return ""


def everything(log: Log) -> list:
    with log.database.reading() as session:
        return [
            session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all()
            for table in ("log_leaf", "log_node", "log_head", "log_checkpoint", "log_detail")
        ]


@pytest.fixture
def written(log: Log) -> Log:
    log.write(4, detail=b"Said beside it.")
    log.sign()
    log.write(1)
    return log


LEAF = "(idx, body, hash, at, event)"

ATTACKS = [
    "INSERT INTO log_detail (idx, sealed) VALUES (5, HASH)",
    "UPDATE log_leaf SET body = HASH WHERE idx = 0",
    "UPDATE log_leaf SET event = 'x' WHERE idx = 0",
    "DELETE FROM log_leaf WHERE idx = 4",
    "DELETE FROM log_leaf",
    f"INSERT INTO log_leaf {LEAF} VALUES (0, HASH, HASH, TIME, 'x') ON CONFLICT (idx) DO UPDATE SET body = HASH",
    f"INSERT INTO log_leaf {LEAF} VALUES (4, HASH, HASH, TIME, 'x')",
    f"INSERT INTO log_leaf {LEAF} VALUES (6, HASH, HASH, TIME, 'x')",
    f"INSERT INTO log_leaf {LEAF} VALUES (-1, HASH, HASH, TIME, 'x')",
    f"INSERT INTO log_leaf {LEAF} VALUES (5, HASH, HASH, TIME, 'x'), (6, HASH, HASH, TIME, 'x')",
    "UPDATE log_node SET hash = HASH",
    "DELETE FROM log_node",
    "INSERT INTO log_node (level, idx, hash) VALUES (1, 0, HASH)",
    "INSERT INTO log_node (level, idx, hash) VALUES (1, 2, HASH)",
    "INSERT INTO log_node (level, idx, hash) VALUES (0, 5, HASH)",
    "INSERT INTO log_node (level, idx, hash) VALUES (62, 5, HASH)",
    "UPDATE log_head SET size = 3",
    "UPDATE log_head SET size = size + 1, last_at = TIME",
    "UPDATE log_head SET size = size + 2, last_at = TIME",
    "UPDATE log_head SET frontier = HASH",
    "UPDATE log_head SET last_at = NULL",
    "UPDATE log_head SET id = 2",
    "DELETE FROM log_head",
    "INSERT INTO log_head (id, size, frontier, frozen) VALUES (1, 0, HASH, FALSE)",
    "INSERT INTO log_head (id, size, frontier, frozen) VALUES (2, 0, HASH, FALSE)",
    "UPDATE log_checkpoint SET note = HASH",
    "DELETE FROM log_checkpoint",
    "INSERT INTO log_checkpoint (size, note, signed_at) VALUES (3, HASH, TIME)",
    "INSERT INTO log_checkpoint (size, note, signed_at) VALUES (4, HASH, TIME)",
    "INSERT INTO log_checkpoint (size, note, signed_at) VALUES (6, HASH, TIME)",
    "UPDATE log_detail SET sealed = HASH",
    "INSERT INTO log_detail (idx, sealed) VALUES (4, HASH)",
    "INSERT INTO log_detail (idx, sealed) VALUES (0, HASH) ON CONFLICT (idx) DO UPDATE SET sealed = HASH",
    "INSERT INTO log_cosignature (size, witness, key_id, signature, received_at) VALUES (3, 'w', HASH, HASH, TIME)",
]


def test_the_database_refuses_to_change_the_log(written: Log):
    before = everything(written)
    refusals = {statement: attack(written, statement) for statement in ATTACKS}
    let_through = {
        statement: refusal
        for statement, refusal in refusals.items()
        if "the log refuses this" not in refusal and "permission denied" not in refusal
    }
    assert let_through == {}
    assert everything(written) == before


REPLACEMENTS = [
    f"INSERT OR REPLACE INTO log_leaf {LEAF} VALUES (0, HASH, HASH, TIME, 'x')",
    f"REPLACE INTO log_leaf {LEAF} VALUES (4, HASH, HASH, TIME, 'x')",
    "INSERT OR REPLACE INTO log_node (level, idx, hash) VALUES (1, 0, HASH)",
    "INSERT OR REPLACE INTO log_head (id, size, frontier, frozen) VALUES (1, 0, HASH, FALSE)",
    "INSERT OR REPLACE INTO log_checkpoint (size, note, signed_at) VALUES (4, HASH, TIME)",
    "INSERT OR REPLACE INTO log_detail (idx, sealed) VALUES (0, HASH)",
    "UPDATE OR REPLACE log_leaf SET idx = 0 WHERE idx = 1",
    f"INSERT OR IGNORE INTO log_leaf {LEAF} VALUES (0, HASH, HASH, TIME, 'x')",
    "INSERT INTO log_leaf (body, hash, at, event) SELECT body, hash, at, event FROM log_leaf WHERE idx < 2",
]


@on_sqlite
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_sqlite_has_no_way_round_by_replacing(written: Log, recursive: str):
    before = everything(written)
    # The guards on INSERT hold by themselves, also on a connection without the pragma.
    with written.database.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA recursive_triggers={recursive}")
    refusals = {statement: attack(written, statement) for statement in REPLACEMENTS}
    assert {statement for statement, refusal in refusals.items() if "the log refuses this" not in refusal} == set()
    assert everything(written) == before


@on_postgresql
def test_postgresql_lets_nobody_empty_a_table(written: Log):
    for table in log_guards.LOG_TABLES:
        assert "permission denied" in attack(written, f"TRUNCATE {table}")
        with pytest.raises(DBAPIError, match="refuses this truncate"), written.owner.engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {table}")


def test_the_triggers_stand_behind_the_rights(written: Log):
    for table, verb in (("log_leaf", "DELETE"), ("log_node", "DELETE"), ("log_checkpoint", "DELETE")):
        with pytest.raises(DBAPIError, match="the log refuses this"), written.owner.engine.begin() as connection:
            connection.exec_driver_sql(f"{verb} FROM {table}")
    with pytest.raises(DBAPIError, match="the log refuses this"), written.owner.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log_leaf SET event = 'x'")


def test_the_application_owns_no_table_of_the_log_and_cannot_switch_a_guard_off(written: Log):
    with written.database.engine.connect() as connection:
        assert log_guards.list_owned_log_tables(connection) == []
    if written.kind != "postgresql":
        return
    with written.owner.engine.connect() as connection:
        assert log_guards.list_owned_log_tables(connection) == sorted(log_guards.LOG_TABLES)
    for statement in (
        "ALTER TABLE log_leaf DISABLE TRIGGER USER",
        "DROP TRIGGER guard_log_leaf_update ON log_leaf",
        "DROP TABLE log_leaf",
        "CREATE OR REPLACE FUNCTION guard_log_leaf_insert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "SET session_replication_role = replica",
    ):
        assert attack(written, statement) != ""


@on_postgresql
def test_a_temporary_table_of_the_same_name_does_not_fool_the_guards(written: Log):
    forged = (
        "CREATE TEMP TABLE log_head (id int, size bigint); INSERT INTO pg_temp.log_head VALUES (1, 77); "
        f"INSERT INTO public.log_leaf {LEAF} VALUES (77, HASH, HASH, TIME, 'x')"
    )
    assert "the log refuses this insert on log_leaf" in attack(written, forged)


@on_postgresql
def test_the_application_may_do_what_it_needs_elsewhere(written: Log):
    rights = text(
        "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM "
        "information_schema.role_table_grants WHERE grantee = current_user AND table_schema = 'public' GROUP BY 1"
    )
    with written.database.reading() as session:
        found = dict(session.execute(rights).all())
    assert {name: found.pop(name) for name in (*log_guards.LOG_TABLES, "alembic_version")} == {
        "log_leaf": "INSERT SELECT",
        "log_node": "INSERT SELECT",
        "log_head": "SELECT UPDATE",
        "log_checkpoint": "INSERT SELECT",
        "log_cosignature": "INSERT SELECT",
        "log_detail": "DELETE INSERT SELECT",
        "alembic_version": "SELECT",
    }
    assert found
    assert set(found.values()) == {"DELETE INSERT SELECT UPDATE"}


def test_a_frozen_head_does_not_grow_even_for_a_caller_that_does_not_ask(written: Log):
    assert attack(written, "UPDATE log_head SET frozen = TRUE, frozen_reason = 'seen'") == ""
    with pytest.raises(DBAPIError, match="the log refuses this update"), written.database.writing() as session:
        body = {"body": b"x", "hash": bytes(32), "at": written.now, "event": "x"}
        session.add(LogLeaf(idx=5, **body))
        session.flush()
        session.execute(update(LogHead).values(size=6, last_at=written.now))


def test_guards_that_are_gone_are_named(written: Log):
    with written.owner.engine.connect() as connection:
        assert log_guards.list_missing_guards(connection) == []
    with written.owner.engine.connect() as connection, connection.begin():
        on = " ON log_leaf" if written.kind == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER guard_log_leaf_update{on}")
        if written.kind == "postgresql":
            connection.exec_driver_sql("ALTER TABLE log_node DISABLE TRIGGER guard_log_node_delete")
    with written.owner.engine.connect() as connection:
        missing = log_guards.list_missing_guards(connection)
    assert missing == ["guard_log_leaf_update"] + (["guard_log_node_delete"] if written.kind == "postgresql" else [])
    with written.owner.engine.connect() as connection, connection.begin():
        log_guards.install(connection)
    with written.owner.engine.connect() as connection:
        assert log_guards.list_missing_guards(connection) == []


def hollow(written: Log, name: str, table: str) -> list[str]:
    """Statements that put a guard of the same name that refuses nothing in the place of the right one."""
    if written.kind == "sqlite":
        return [f"DROP TRIGGER {name}", f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} BEGIN SELECT 1; END"]
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    ]


def test_a_guard_that_was_made_hollow_is_named_too(written: Log):
    with written.owner.engine.connect() as connection, connection.begin():
        for statement in hollow(written, "guard_log_leaf_update", "log_leaf"):
            connection.exec_driver_sql(statement)
        assert log_guards.list_missing_guards(connection) == ["guard_log_leaf_update"]
        log_guards.install(connection)
        assert log_guards.list_missing_guards(connection) == []


@on_postgresql
@pytest.mark.parametrize(
    "trigger",
    [
        "AFTER UPDATE ON log_leaf FOR EACH ROW",
        "BEFORE UPDATE ON log_leaf FOR EACH STATEMENT",
        "BEFORE UPDATE ON log_leaf FOR EACH ROW WHEN (OLD.idx < 0)",
        "BEFORE DELETE ON log_leaf FOR EACH ROW",
        "BEFORE UPDATE OF event ON log_leaf FOR EACH ROW",
    ],
)
def test_a_guard_that_fires_otherwise_is_named_too(written: Log, trigger: str):
    with written.owner.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TRIGGER guard_log_leaf_update ON log_leaf")
        connection.exec_driver_sql(
            f"CREATE TRIGGER guard_log_leaf_update {trigger} EXECUTE FUNCTION guard_log_leaf_update()"
        )
        assert log_guards.list_missing_guards(connection) == ["guard_log_leaf_update"]


@on_sqlite
def test_on_sqlite_there_are_no_rights_to_grant(written: Log):
    with written.database.engine.connect() as connection, connection.begin():
        log_guards.grant_application_role(connection, "nobody")
