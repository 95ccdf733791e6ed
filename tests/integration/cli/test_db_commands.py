from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from tests.database import Database as MadeDatabase
from tests.integration.cli.conftest import Answer, Installation
from transfer_service.db.session import Database

Command = Callable[..., Answer]


def urls(database: MadeDatabase) -> dict[str, str]:
    owner = {} if database.owner_url is None else {"DATABASE_OWNER_URL": database.owner_url}
    return {"DATABASE_URL": database.url, **owner}


def as_owner(database: MadeDatabase, statement: str) -> None:
    opened = Database(database.owner_url or database.url)
    with opened.writing() as session:
        session.execute(text(statement))
    opened.dispose()


def test_upgrade_makes_everything_and_running_it_again_changes_nothing(
    command: Command, unmigrated_database: MadeDatabase
):
    for _ in range(2):
        answer = command("db", "upgrade", **urls(unmigrated_database))
        assert answer.code == 0, answer.err
        assert answer.out.startswith("The database is at revision ")
    checked = command("db", "check", "--json", **urls(unmigrated_database))
    assert checked.code == 0
    assert (checked.json["differences"], checked.json["missing_guards"]) == ([], [])


def test_a_table_that_the_models_do_not_know_fails_the_check(any_installation: Installation):
    as_owner(any_installation.database, "CREATE TABLE stray (id INTEGER PRIMARY KEY)")
    answer = any_installation.run("db", "check")
    assert answer.code == 1
    assert "stray" in answer.out


def test_a_guard_that_is_gone_fails_the_check_and_stops_the_service(any_installation: Installation):
    on = " ON log_leaf" if any_installation.database.kind == "postgresql" else ""
    as_owner(any_installation.database, f"DROP TRIGGER guard_log_leaf_update{on}")
    answer = any_installation.run("db", "check", "--json")
    assert answer.code == 1
    assert answer.json["missing_guards"] == ["guard_log_leaf_update"]
    for name in ("serve", "worker"):
        refused = any_installation.run(name)
        assert refused.code == 3
        assert "guard_log_leaf_update" in refused.err


def test_a_guard_that_was_made_hollow_stops_the_service_and_an_upgrade_makes_it_again(installation: Installation):
    database = Database(installation.database.url)
    with database.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TRIGGER guard_log_leaf_delete")
        connection.exec_driver_sql("CREATE TRIGGER guard_log_leaf_delete BEFORE DELETE ON log_leaf BEGIN SELECT 1; END")
    database.dispose()
    assert installation.run("db", "check").code == 1
    refused = installation.run("serve")
    assert (refused.code, "off or changed (guard_log_leaf_delete)" in refused.err) == (3, True)
    upgraded = installation.run("db", "upgrade")
    assert upgraded.code == 0
    assert "were made again: guard_log_leaf_delete." in upgraded.out
    assert installation.run("db", "check").code == 0
    assert "made again" not in installation.run("db", "upgrade").out


def test_the_service_does_not_start_as_the_owner_of_the_logs_tables(any_installation: Installation):
    owner = any_installation.database.owner_url
    if owner is None:
        assert any_installation.database.kind == "sqlite"
        return
    for name in ("serve", "worker"):
        answer = any_installation.run(name, DATABASE_URL=owner)
        assert answer.code == 3
        assert "DATABASE_URL names a role that owns the log's tables" in answer.err


def test_a_database_of_another_revision_is_refused_with_both_named(any_installation: Installation):
    as_owner(any_installation.database, "UPDATE alembic_version SET version_num = '0000'")
    answer = any_installation.run("serve")
    assert answer.code == 3
    assert "The database is at revision 0000 and this version needs 0" in answer.err


def test_sqlite_takes_one_process(installation: Installation):
    answer = installation.run("serve", "--workers", "2")
    assert answer.code == 2
    assert "SQLite takes one process" in answer.err


def test_the_file_of_a_new_sqlite_database_gets_its_folder(command: Command, tmp_path: Path):
    path = tmp_path / "deep" / "er" / "transfer.db"
    assert command("db", "upgrade", DATABASE_URL=f"sqlite:///{path}").code == 0
    assert path.exists()


def test_migrations_without_the_owners_role_are_refused_with_what_to_set(
    command: Command, unmigrated_database: MadeDatabase
):
    if unmigrated_database.kind == "sqlite":
        assert unmigrated_database.owner_url is None
        return
    answer = command("db", "upgrade", DATABASE_URL=unmigrated_database.url)
    assert answer.code == 3
    assert "name it in DATABASE_OWNER_URL" in answer.err
    assert "Traceback" not in answer.err


def test_a_file_that_is_no_database_is_refused(command: Command, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("not a database " * 100)
    answer = command("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path / 'notes.txt'}")
    assert answer.code == 3
    assert "is no SQLite database" in answer.err


def test_a_new_sqlite_file_can_be_read_by_nobody_else(command: Command, tmp_path: Path):
    answer = command("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path / 'new' / 'transfer.db'}")
    assert answer.code == 0, answer.err
    rights = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").glob("transfer.db*")}
    assert set(rights.values()) == {0o600}
