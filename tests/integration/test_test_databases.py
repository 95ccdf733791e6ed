from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.exc import ProgrammingError

from tests.cluster import programs
from tests.database import Database


def _run(url: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))
    engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_a_test_finds_nothing_that_another_left(unmigrated_database: Database, turn: int):
    owner = unmigrated_database.owner_url or unmigrated_database.url
    _run(owner, "CREATE TABLE left_behind (n integer)", "INSERT INTO left_behind VALUES (1)")


def test_the_application_role_on_postgresql_may_make_no_table(unmigrated_database: Database):
    if unmigrated_database.kind == "sqlite":
        assert unmigrated_database.owner_url is None
        return
    engine = sqlalchemy.create_engine(unmigrated_database.url)
    with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE mine (n integer)"))
    engine.dispose()


def test_the_server_programs_are_new_enough():
    folder = programs()
    assert folder is not None
    assert (folder / "pg_ctl").exists()


def test_a_migrated_database_is_at_the_newest_migration(database: Database):
    engine = sqlalchemy.create_engine(database.url)
    with engine.connect() as connection:
        tables = sqlalchemy.inspect(connection).get_table_names()
        versions = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalars().all()
    engine.dispose()
    newest = max(path.name[:4] for path in (Path(__file__).parents[2] / "migrations/versions").glob("[0-9]*.py"))
    assert len(versions) == 1
    assert versions[0].startswith(newest)
    assert {"transfer", "school"} & set(tables)
