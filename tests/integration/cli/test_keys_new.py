import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import ALL_SETTINGS, Settings
from tests.integration.cli.conftest import Answer, single_sentence
from transfer_service.audit.policy import parse_policy
from transfer_service.crypto.signing import LogSigningKey

Command = Callable[..., Answer]


@pytest.mark.parametrize("name", ["keys", "keys of ours"])
def test_new_keys_make_settings_that_are_accepted(command: Command, tmp_path: Path, name: str):
    folder = tmp_path / name
    answer = command("keys", "new", str(folder), "--deployment", "test-one", "--json")
    assert answer.code == 0
    lines = [line for line in (folder / "settings.env").read_text().splitlines() if not line.startswith("#")]
    environ = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    assert environ == answer.json["settings"]
    mail = {"TRANSFER_SERVICE_SMTP_URL": "smtps://mail.example.org", "TRANSFER_SERVICE_MAIL_FROM": "a@example.org"}
    settings = Settings.from_mapping({**environ, **mail}, ALL_SETTINGS)
    assert settings.deployment == "test-one"
    policy = parse_policy((folder / "policy.txt").read_text())
    assert settings.log_policy == (folder / "policy.txt").read_text()
    assert policy.logs == (LogSigningKey.from_text(settings.log_signing_key.reveal()).verifier,)


def test_nobody_else_can_read_the_secrets(command: Command, tmp_path: Path):
    folder = tmp_path / "keys"
    command("keys", "new", str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop("policy.txt") == 0o644
    assert set(modes) == {"field-keys", "peppers", "secret-key", "log-signing-key", "settings.env"}
    assert set(modes.values()) == {0o600}


def test_no_secret_is_printed(command: Command, tmp_path: Path):
    folder = tmp_path / "keys"
    for answer in (command("keys", "new", str(folder)), command("keys", "new", str(tmp_path / "b"), "--json")):
        said = answer.out + answer.err
        assert [
            path for path in folder.iterdir() if path.name != "policy.txt" and path.read_text().strip() in said
        ] == []


def test_two_installations_get_different_keys_and_names(command: Command, tmp_path: Path):
    for name in ("a", "b"):
        command("keys", "new", str(tmp_path / name))
    for file in ("field-keys", "peppers", "secret-key", "log-signing-key", "policy.txt", "settings.env"):
        assert (tmp_path / "a" / file).read_text() != (tmp_path / "b" / file).read_text()


def test_keys_are_never_overwritten(command: Command, tmp_path: Path):
    folder = tmp_path / "keys"
    command("keys", "new", str(folder))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    answer = command("keys", "new", str(folder))
    assert answer.code == 3
    assert single_sentence(answer).startswith("The folder is not empty")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_name_that_cannot_be_bound_into_bytes_is_wrong_usage(command: Command, tmp_path: Path):
    answer = command("keys", "new", str(tmp_path / "keys"), "--deployment", "Two Words")
    assert answer.code == 2
    assert not (tmp_path / "keys").exists()
