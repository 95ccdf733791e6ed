import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Answer, Installation, single_sentence
from transfer_service.cli.root import COMMANDS

Command = Callable[..., Answer]


def test_the_command_alone_shows_its_help_and_is_wrong_usage(command: Command):
    answer = command()
    assert answer.code == 2
    assert all(name in answer.err for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_that_is_listed_exists_and_explains_itself(command: Command, name: str):
    answer = command(name, "--help")
    assert answer.code == 0
    assert answer.out.startswith("Usage: ")


def test_help_comes_at_once_because_nothing_else_is_imported():
    program = "import sys; from transfer_service.cli import root; root.run(['--help']); print('flask' in sys.modules)"
    started = time.monotonic()
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "False"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("shcools",), "No such command 'shcools'. See transfer-service --help."),
        (("schools", "import"), "Missing argument 'FILE'. See transfer-service schools import --help."),
        (("db", "check", "--loud"), "No such option '--loud'. See transfer-service db check --help."),
        (
            ("alerts", "retry", "12"),
            "Invalid value for 'ID': '12' is not a valid UUID. See transfer-service alerts retry --help.",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_two(command: Command, words: tuple[str, ...], sentence: str):
    answer = command(*words)
    assert answer.code == 2
    assert single_sentence(answer) == sentence
    assert answer.out == ""


def test_every_missing_or_wrong_setting_is_named_at_once(command: Command):
    answer = command("worker", DATABASE_URL="mysql://x", MAX_ATTACHMENT_BYTES="many", PEPPERS_FIEL="/x")
    assert answer.code == 2
    for name in ("DATABASE_URL", "MAX_ATTACHMENT_BYTES", "DEPLOYMENT", "FIELD_KEYS", "PEPPERS_FIEL"):
        assert f"- TRANSFER_SERVICE_{name}" in answer.err


def test_a_command_asks_only_for_the_settings_that_it_uses(command: Command, tmp_path: Path):
    database = f"sqlite:///{tmp_path}/new/transfer.db"
    assert command("db", "upgrade", DATABASE_URL=database).code == 0
    assert command("alerts", "list", DATABASE_URL=database).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("alerts", "list"),
        ("audit", "checkpoint"),
        ("audit", "verify"),
        ("people", "invite", "a@example.org", "--role", "administrator"),
        ("retention", "run"),
        ("serve",),
        ("worker",),
    ],
)
def test_without_a_migrated_database_a_command_says_what_to_run_and_makes_no_file(
    installation: Installation, tmp_path: Path, words: tuple[str, ...]
):
    answer = installation.run(*words, DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    assert answer.code == 3
    assert single_sentence(answer) == (
        "The database has no tables yet. Run transfer-service db upgrade, then try again."
    )
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_does_not_answer_is_a_refusal_and_no_traceback(installation: Installation):
    answer = installation.run("alerts", "list", DATABASE_URL="postgresql://nobody@127.0.0.1:9/transfer")
    assert answer.code == 3
    assert single_sentence(answer).startswith("The database cannot be reached")
