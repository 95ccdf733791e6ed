from sqlalchemy import text

from tests.integration.cli.conftest import Installation
from transfer_service.db.session import Database


def test_a_new_installation_is_healthy(installation: Installation):
    answer = installation.run("keys", "doctor")
    assert answer.code == 0
    assert answer.out.startswith("All is well.")
    assert installation.run("keys", "doctor", "--json").json == {"findings": [], "healthy": True}


def test_what_is_red_is_said_and_leaves_with_one(installation: Installation):
    peppers = installation.folder / "keys" / "peppers"
    peppers.chmod(0o644)
    answer = installation.run("keys", "doctor")
    assert answer.code == 1
    assert "secret_file_readable" in answer.out
    assert "PEPPERS" in answer.out
    findings = installation.run("keys", "doctor", "--json").json["findings"]
    assert [(found["ailment"], found["setting"]) for found in findings] == [("secret_file_readable", "PEPPERS")]


def test_the_doctor_changes_nothing(installation: Installation):
    def size() -> int:
        database = Database(installation.database.url)
        try:
            with database.reading() as session:
                return int(session.scalar(text("SELECT size FROM log_head")) or 0)
        finally:
            database.dispose()

    before = size()
    installation.run("keys", "doctor")
    assert size() == before
