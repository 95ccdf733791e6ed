"""The migrations make what the models say, from nothing, on both databases."""

from sqlalchemy import inspect, text

from transfer_service.db import log_guards, migrate
from transfer_service.db.models import Model
from transfer_service.db.session import Database


def test_the_models_and_the_migrated_database_agree(database):
    assert migrate.drift(database.owner_url or database.url) == []


def test_a_migrated_database_is_at_the_newest_revision(database):
    current, newest = migrate.revision_gap(database.url)
    assert current == newest


def test_an_empty_database_is_behind(unmigrated_database):
    current, newest = migrate.revision_gap(unmigrated_database.url)
    assert current is None
    assert newest is not None


def test_migrating_twice_changes_nothing(database):
    migrate.upgrade(database.url, owner_url=database.owner_url)
    assert migrate.drift(database.owner_url or database.url) == []


def test_the_guards_and_the_single_head_of_the_log_are_there_after_migrating(database):
    opened = Database(database.url)
    try:
        with opened.engine.connect() as connection:
            assert log_guards.list_missing_guards(connection) == []
            assert log_guards.list_owned_log_tables(connection) == []
            assert connection.scalar(text("SELECT count(*) FROM log_head")) == 1
            assert set(inspect(connection).get_table_names()) == {*Model.metadata.tables, "alembic_version"}
    finally:
        opened.dispose()
