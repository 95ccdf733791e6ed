"""The migrations make what the models say, from nothing, on both databases."""

from datetime import UTC, datetime
from uuid import UUID

from alembic import command
from sqlalchemy import insert, inspect, text

from transfer_service.db import log_guards, migrate
from transfer_service.db.models import Authority, Dispatch, Model, School, Transfer
from transfer_service.db.session import Database
from transfer_service.domain.transfer import DispatchKind, Status, TransferKind

AT = datetime(2026, 9, 3, 14, 5, tzinfo=UTC)


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


def test_what_is_in_a_database_of_the_first_version_is_in_it_afterwards(unmigrated_database):
    made = unmigrated_database
    owner = Database(made.owner_url or made.url)
    ids = [UUID(int=number + 1) for number in range(4)]
    authority, school, transfer, dispatch = ids
    with owner.engine.connect() as connection, connection.begin():
        command.upgrade(migrate._config(connection), "0001")
        add = connection.execute
        add(insert(Authority), {"id": authority, "la_code": "937", "name": "Warwickshire"})
        add(
            insert(School),
            {"id": school, "authority_id": authority, "urn": "125580", "la_code": "937", "name": "Alderford",
             "search_name": "alderford", "status": "Open", "town": "Rugby"},
        )  # fmt: skip
        add(
            insert(Transfer),
            {"id": transfer, "reference": "PT-7F3K-92Q4", "sending_school_id": school, "kind": TransferKind.IN_YEAR,
             "leaving_on": AT.date(), "created_at": AT, "created_by": school, "forename": b"a", "surname": b"b",
             "date_of_birth": b"c", "upn_choice": "none", "name_index": b"d"},
        )  # fmt: skip
        add(
            insert(Dispatch),
            {"id": dispatch, "transfer_id": transfer, "number": 1, "kind": DispatchKind.FILE, "status": Status.SENT,
             "receiving_school_id": school, "urgent": False, "created_at": AT, "created_by": school, "sent_at": AT,
             "legal_hold": False},
        )  # fmt: skip
    owner.dispose()

    migrate.upgrade(made.url, owner_url=made.owner_url)

    assert migrate.drift(made.owner_url or made.url) == []
    opened = Database(made.url)
    with opened.reading() as session:
        found = session.get_one(Dispatch, dispatch)
        assert (found.status, found.sent_at, found.transfer.reference) == (Status.SENT, AT, "PT-7F3K-92Q4")
        assert session.get_one(School, school).name == "Alderford"
    opened.dispose()
