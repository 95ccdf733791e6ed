from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database import migrated_database
from tests.integration.cli.conftest import Answer, Installation, single_sentence
from transfer_service.cli.exits import CHECK_FAILED, REFUSED, USAGE


@pytest.fixture
def restored(any_installation: Installation, run_folder: Path, tmp_path: Path):
    """Run commands on an empty database with the same keys and state file."""
    folder = tmp_path / "new"
    folder.mkdir()
    with migrated_database(any_installation.database.kind, run_folder=run_folder, folder=folder) as made:

        def run(*words: str, **changes: str) -> Answer:
            store = f"file://{folder}/attachments"
            return any_installation.run(*words, **{"DATABASE_URL": made.url, "STORAGE_URL": store, **changes})

        yield run


def invite(run: Callable[..., Answer]) -> None:
    assert run("people", "invite", "ada@example.org", "--role", "administrator").code == 0


def test_a_backup_is_restored_and_the_log_holds(any_installation: Installation, restored, tmp_path: Path):
    invite(any_installation.run)
    any_installation.run("audit", "checkpoint")
    folder = tmp_path / "backup"
    made = any_installation.run("backup", folder)
    assert made.code == 0
    assert "The keys and the signer's state file are not in it" in made.out
    answer = restored("restore", folder)
    assert "The service is open" in answer.out
    assert answer.code == 0
    assert restored("audit", "verify").code == 0
    assert "The log holds" in restored("audit", "verify").out


def test_a_backup_that_is_behind_the_signer_is_refused_until_the_newer_leaves_are_given(
    any_installation: Installation, restored, tmp_path: Path
):
    invite(any_installation.run)
    any_installation.run("audit", "checkpoint")
    any_installation.run("backup", tmp_path / "backup")
    any_installation.run("audit", "export", tmp_path / "before")
    any_installation.run("audit", "checkpoint")
    any_installation.run("audit", "export", tmp_path / "after")
    refused = restored("restore", tmp_path / "backup")
    assert refused.code == REFUSED
    assert "--export" in refused.err
    answer = restored("restore", tmp_path / "backup", "--export", tmp_path / "after", "--json")
    assert answer.code == 0
    assert answer.json["is_open"]
    assert answer.json["leaves_from_exports"] == 1


def test_a_folder_that_is_used_or_no_backup_is_refused_in_a_sentence(
    any_installation: Installation, restored, tmp_path: Path
):
    used = tmp_path / "used"
    used.mkdir()
    (used / "letter.txt").write_text("Dear school")
    refused = any_installation.run("backup", used)
    assert (refused.code, single_sentence(refused)) == (
        REFUSED, "The folder is not empty. Make the backup in a new one.",
    )  # fmt: skip
    assert "it is no backup" in restored("restore", used).err.splitlines()[-1]


def test_a_successor_is_begun_only_with_the_old_logs_policy(any_installation: Installation, tmp_path: Path):
    answer = any_installation.run("restore", tmp_path, "--successor")
    assert (answer.code, "--policy" in answer.err) == (USAGE, True)


def test_a_secret_file_that_others_can_read_is_told_and_the_service_opens(
    any_installation: Installation, restored, tmp_path: Path
):
    any_installation.run("backup", tmp_path / "backup")
    peppers = Path(any_installation.environ["TRANSFER_SERVICE_PEPPERS_FILE"])
    peppers.chmod(0o644)
    answer = restored("restore", tmp_path / "backup")
    assert answer.code == CHECK_FAILED
    assert "Doctor: " in answer.out
    assert "The service is open" in answer.out
