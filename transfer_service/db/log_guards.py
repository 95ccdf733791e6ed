"""What the database itself refuses about the log, whatever the application asks: triggers, and rights on PostgreSQL.

Each guard states a condition that a change must meet; anything else is refused. Each is attacked in
`tests/integration/audit/test_guards.py`. Guards hold against the application and its role, not against whoever
owns the database: that is what checkpoints, receipts and the verifier are for.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from transfer_service.db.models.log import HEAD_ID

LOG_TABLES: Final = ("log_leaf", "log_node", "log_head", "log_checkpoint", "log_cosignature", "log_detail")

_HEAD_SIZE: Final = "(SELECT h.size FROM {schema}log_head h)"

_BEING_WRITTEN: Final = "EXISTS (SELECT 1 FROM {schema}log_leaf l WHERE l.idx = {size})"

# A leaf is the next one. A detail belongs to the leaf being written, so that an erased one cannot come back changed.
# A node is complete exactly with the leaf being written. A checkpoint reaches further than the last, never past
# what is there.
_INSERTS: Final = {
    "log_leaf": "NEW.idx = {size}",
    "log_detail": "NEW.idx = {size} AND {being_written}",
    "log_node": "NEW.level BETWEEN 1 AND 62 AND NEW.idx + 1 = ({size} + 1) >> NEW.level "
    "AND (({size} + 1) & (({one} << NEW.level) - 1)) = 0 "
    "AND NOT EXISTS (SELECT 1 FROM {schema}log_node n WHERE n.level = NEW.level AND n.idx = NEW.idx) "
    "AND {being_written}",
    "log_checkpoint": "NEW.size <= {size} "
    "AND NEW.size > COALESCE((SELECT max(c.size) FROM {schema}log_checkpoint c), -1)",
    "log_cosignature": "EXISTS (SELECT 1 FROM {schema}log_checkpoint c WHERE c.size = NEW.size) "
    "AND NOT EXISTS (SELECT 1 FROM {schema}log_cosignature w "
    "WHERE w.size = NEW.size AND w.witness = NEW.witness AND w.key_id = NEW.key_id)",
    "log_head": "NOT EXISTS (SELECT 1 FROM {schema}log_head)",
}

# The head grows by the one leaf just written while the log is not frozen; or only the freeze flag changes.
_HEAD_UPDATE: Final = (
    "NEW.id = OLD.id AND (("
    "NEW.size = OLD.size + 1 AND NOT OLD.frozen AND NOT NEW.frozen "
    "AND NEW.last_at IS NOT NULL AND (OLD.last_at IS NULL OR NEW.last_at >= OLD.last_at) "
    "AND EXISTS (SELECT 1 FROM {schema}log_leaf l WHERE l.idx = OLD.size)"
    ") OR ("
    "NEW.size = OLD.size AND NEW.frontier = OLD.frontier "
    "AND (NEW.last_at = OLD.last_at OR (NEW.last_at IS NULL AND OLD.last_at IS NULL))"
    "))"
)

# Bits of `pg_trigger.tgtype`.
_EACH_ROW: Final = 1
_BEFORE: Final = 2
_ON: Final = {"insert": 4, "delete": 8, "update": 16, "truncate": 32}

_DELETABLE: Final = frozenset({"log_detail"})
_REFUSAL: Final = "the log refuses this {verb} on {table}: it only grows"


def install(connection: Connection) -> None:
    """Make the head row where it is absent and create every guard; may be called again.

    Runs in the caller's transaction, as the owner of the tables. Used by the first migration and by tests that
    create tables without migrations.
    """
    _make_head(connection)
    is_postgresql = connection.dialect.name == "postgresql"
    statements = _postgresql_guards(connection) if is_postgresql else _sqlite_guards(connection)
    for statement in statements:
        connection.exec_driver_sql(statement)


def list_missing_guards(connection: Connection) -> list[str]:
    """Name every guard that is absent, switched off or not as `install` makes it, for the log's verification.

    One of the same name that refuses nothing would else pass for it.
    """
    wanted = {_name(table, verb): (table, verb) for table, verb in _guarded(connection)}
    found = _postgresql_found(connection) if connection.dialect.name == "postgresql" else _sqlite_found(connection)
    return sorted(
        name for name, (table, verb) in wanted.items() if found.get(name) != _definition(connection, table, verb)
    )


def _guarded(connection: Connection) -> list[tuple[str, str]]:
    verbs = ("insert", "update", "delete", "truncate")[: 4 if connection.dialect.name == "postgresql" else 3]
    return [(table, verb) for table in LOG_TABLES for verb in verbs if _is_guarded(table, verb)]


def _definition(connection: Connection, table: str, verb: str) -> tuple[str, int]:
    """Return what the database holds of a guard: its text, and on PostgreSQL when it fires (`pg_trigger.tgtype`)."""
    if connection.dialect.name != "postgresql":
        return _sqlite_trigger(table, verb), 0
    each_row = 0 if verb == "truncate" else _EACH_ROW
    return _postgresql_body(_schema(connection), table, verb), _BEFORE + each_row + _ON[verb]


def _sqlite_found(connection: Connection) -> dict[str, tuple[str, int]]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return {name: (sql, 0) for name, sql in rows}


def _postgresql_found(connection: Connection) -> dict[str, tuple[str, int]]:
    rows = connection.execute(
        text(
            "SELECT t.tgname, p.prosrc, t.tgtype FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE n.nspname = current_schema() AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') "
            "AND t.tgqual IS NULL AND t.tgattr = '' AND t.tgname LIKE 'guard_' || c.relname || '_%'"
        )
    )
    return {name: (body, fires) for name, body, fires in rows}


def list_owned_log_tables(connection: Connection) -> list[str]:
    """Name the tables of the log that the connected role could alter: it owns them, or is a superuser.

    Empty on SQLite, which has no roles. The web service refuses to start where this is not empty.
    """
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.scalars(
        text(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND c.relname = ANY(:tables) "
            "AND pg_has_role(current_user, c.relowner, 'USAGE') ORDER BY c.relname"
        ),
        {"tables": list(LOG_TABLES)},
    )
    return list(rows)


def grant_application_role(connection: Connection, role: str) -> None:
    """Give the application's role on PostgreSQL its rights: everything elsewhere, only growth on the log.

    Idempotent; call it after every migration, since a new table starts without rights. On SQLite there is
    nothing to grant.
    """
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    grantee = quote(role)
    schema = quote(_current_schema(connection))
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {grantee}")
    for table in inspect(connection).get_table_names():
        name = f"{schema}.{quote(table)}"
        connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM PUBLIC, {grantee}")
        connection.exec_driver_sql(f"GRANT {_rights(table)} ON {name} TO {grantee}")
    connection.exec_driver_sql(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {grantee}")


def _rights(table: str) -> str:
    """Return the rights of the application role on one table (docs/log.md, "What the database itself refuses")."""
    special = {
        "log_head": "SELECT, UPDATE",
        "log_detail": "SELECT, INSERT, DELETE",
        # Which migration ran is the owner's to say.
        "alembic_version": "SELECT",
    }
    if table in LOG_TABLES:
        return special.get(table, "SELECT, INSERT")
    return special.get(table, "SELECT, INSERT, UPDATE, DELETE")


def _make_head(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO log_head (id, size, frontier, frozen) "
            "SELECT :id, 0, :empty, :no WHERE NOT EXISTS (SELECT 1 FROM log_head)"
        ),
        {"id": HEAD_ID, "empty": b"", "no": False if connection.dialect.name == "postgresql" else 0},
    )


def _name(table: str, verb: str) -> str:
    return f"guard_{table}_{verb}"


def _is_guarded(table: str, verb: str) -> bool:
    return not (verb == "delete" and table in _DELETABLE)


def _condition(table: str, verb: str, *, schema: str, one: str) -> str:
    """Return what must hold for a row to be changed so: `FALSE` where it never may be."""
    condition = "FALSE"
    if verb == "insert":
        condition = _INSERTS[table]
    elif verb == "update" and table == "log_head":
        condition = _HEAD_UPDATE
    written = _BEING_WRITTEN.format(size=_HEAD_SIZE, schema="{schema}")
    filled = condition.format(size=_HEAD_SIZE, being_written=written, schema="{schema}", one=one)
    return filled.format(schema=schema)


def _sqlite_guards(connection: Connection) -> list[str]:
    statements = []
    for table, verb in _guarded(connection):
        statements += [f"DROP TRIGGER IF EXISTS {_name(table, verb)}", _sqlite_trigger(table, verb)]
    return statements


def _sqlite_trigger(table: str, verb: str) -> str:
    # An unknown truth must refuse too: (NULL) IS NOT TRUE.
    return (
        f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb.upper()} ON {table} FOR EACH ROW "
        f"WHEN ({_condition(table, verb, schema='', one='1')}) IS NOT TRUE "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL.format(verb=verb, table=table)}'); END"
    )


def _postgresql_guards(connection: Connection) -> list[str]:
    schema = _schema(connection)
    statements = []
    for table, verb in _guarded(connection):
        name = _name(table, verb)
        each = "STATEMENT" if verb == "truncate" else "ROW"
        # Tables are named with their schema and the path is fixed: a temporary table or function of the same
        # name, which the application role could make, is then never read in their place.
        statements.append(
            f"CREATE OR REPLACE FUNCTION {schema}{name}() RETURNS trigger LANGUAGE plpgsql "
            f"SET search_path = pg_catalog, pg_temp AS $guard${_postgresql_body(schema, table, verb)}$guard$"
        )
        statements.append(f"DROP TRIGGER IF EXISTS {name} ON {schema}{table}")
        statements.append(
            f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {schema}{table} "
            f"FOR EACH {each} EXECUTE FUNCTION {schema}{name}()"
        )
    return statements


def _postgresql_body(schema: str, table: str, verb: str) -> str:
    return (
        f" BEGIN IF ({_condition(table, verb, schema=schema, one='1::bigint')}) IS NOT TRUE THEN "
        f"RAISE EXCEPTION '{_REFUSAL.format(verb=verb, table=table)}' USING ERRCODE = 'restrict_violation'; "
        "END IF; RETURN NEW; END "
    )


def _schema(connection: Connection) -> str:
    """Return the schema of the log as it stands before a table's name."""
    return f"{connection.dialect.identifier_preparer.quote_identifier(_current_schema(connection))}."


def _current_schema(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT current_schema()")))
