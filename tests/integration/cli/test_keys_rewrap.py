import base64
from datetime import UTC, datetime
from uuid import UUID

from tests.integration.cli.conftest import Installation
from transfer_service.db.models import BackupCodeHash, Person
from transfer_service.db.session import Database


def add_field_key(installation: Installation) -> None:
    """Put a new key first, as an operator does."""
    file = installation.folder / "keys" / "field-keys"
    file.write_text(f"2:{base64.b64encode(bytes(range(32))).decode()},{file.read_text()}")


def test_counts_are_told_before_anything_is_changed(installation: Installation):
    answer = installation.run("keys", "rewrap", "--dry-run", "--json")
    assert answer.code == 0
    assert (answer.json["dry_run"], answer.json["rows"], answer.json["primary"]) == (True, 0, 1)
    assert installation.run("keys", "rewrap", "--dry-run").out.startswith("Nothing was changed.")


def test_an_older_key_is_said_to_be_unused_once_nothing_is_under_it(installation: Installation):
    add_field_key(installation)
    done = installation.run("keys", "rewrap", "--json").json
    assert (done["primary"], done["damaged"]) == (2, 0)
    for place, by_key in done["counts"].items():
        assert place == "log_detail.sealed" or set(by_key) <= {"2"}, place
    again = installation.run("keys", "rewrap")
    assert again.code == 0
    assert again.out.startswith("0 rows were moved to field key 2.")


def test_backup_codes_are_said_to_stay_under_their_key(installation: Installation):
    said = "Backup codes stay under the key that they were made with"
    assert said not in installation.run("keys", "rewrap", "--dry-run").out
    made_at = datetime(2026, 9, 7, tzinfo=UTC)
    opened = Database(installation.database.url)
    with opened.writing() as session:
        session.add(Person(id=UUID(int=7), email="ann@example.org", created_at=made_at))
        session.flush()
        key = b"\x00\x01"
        session.add(
            BackupCodeHash(id=UUID(int=8), person_id=UUID(int=7), number=1, hash=key + bytes(30), made_at=made_at)
        )
    opened.dispose()
    assert said not in installation.run("keys", "rewrap").out
    add_field_key(installation)
    told = installation.run("keys", "rewrap").out
    assert "field key 1: 1 × backup_code.hash" in told
    assert said in told
    assert "Nothing is left under field key 1" not in told
