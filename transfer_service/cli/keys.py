"""`keys new`: the secrets of a new installation, each in a file that only its owner can read."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from config.settings import PREFIX
from config.values import DEPLOYMENT_SHAPE
from transfer_service.audit.policy import write_policy
from transfer_service.cli.doctor import doctor
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.cli.rewrap import rewrap
from transfer_service.crypto.new_keys import InstallationSecrets, new_installation_secrets
from transfer_service.crypto.signing import VerifierKey

SETTINGS_FILE = "settings.env"
POLICY_FILE = "policy.txt"
_PLAIN_PATH = re.compile(r"[\w./+@:,-]+")


@click.group()
def keys() -> None:
    """Make the keys of a new installation, and examine those of a running one."""


keys.add_command(doctor)
keys.add_command(rewrap)


@keys.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--deployment", help="The name of the installation, bound into every sealed byte: it can never change.")
@json_option
def new(*, directory: Path, deployment: str | None, as_json: bool) -> None:
    """Make field keys, pepper, secret key, log key and policy, and the settings that name them, in DIRECTORY."""
    given = deployment or os.environ.get(f"{PREFIX}DEPLOYMENT")
    name = given or f"transfer-{secrets.token_hex(4)}"
    if not DEPLOYMENT_SHAPE.fullmatch(name):
        raise click.BadParameter("write 3 to 63 small letters, digits, dots and hyphens.", param_hint="--deployment")
    written = write_new_keys(directory.absolute(), deployment=name)
    if as_json:
        say_json({"deployment": name, "settings": written, "policy": directory.absolute() / POLICY_FILE})
        return
    say(f"The keys of the installation {name} are in {directory}. Nobody but this user can read them.")
    say("Copy the folder to a safe place apart from the database and its backups: without it no pupil's name opens.")
    say(f"{POLICY_FILE} is public: give it to schools outside the service, so that they can check receipts.")
    say(f"To use the keys:  set -a; . {shlex.quote(str(directory / SETTINGS_FILE))}; set +a")


def write_new_keys(directory: Path, *, deployment: str, state_file: Path | None = None) -> dict[str, str]:
    """Write the secrets, the policy and the settings into a new folder, and return the settings.

    `directory` must be an absolute path. Raises Refused where something is in it already: keys are never overwritten.
    """
    if directory.exists() and any(directory.iterdir()):
        raise Refused("The folder is not empty, and keys are never overwritten. Name a new folder.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    made = new_installation_secrets(log_name=f"{deployment}/log")
    settings = {
        "DEPLOYMENT": deployment,
        **_write_secrets(directory, made),
        "LOG_STATE_FILE": str(state_file or directory / "log-state.json"),
        "LOG_POLICY_FILE": str(directory / POLICY_FILE),
    }
    _write(directory / POLICY_FILE, write_policy([VerifierKey.from_text(made.log_verifier_key)]), mode=0o644)
    _write(directory / SETTINGS_FILE, _env_text(settings), mode=0o600)
    return {f"{PREFIX}{name}": value for name, value in settings.items()}


def _write_secrets(directory: Path, made: InstallationSecrets) -> dict[str, str]:
    """Write each secret into a file of its own; return the settings that name the files."""
    texts = {
        "SECRET_KEY": made.secret_key,
        "FIELD_KEYS": made.field_keys,
        "PEPPERS": made.peppers,
        "LOG_SIGNING_KEY": made.log_signing_key,
    }
    settings = {}
    for name, text in texts.items():
        path = directory / name.lower().replace("_", "-")
        _write(path, text + "\n", mode=0o600)
        settings[f"{name}_FILE"] = str(path)
    return settings


def _write(path: Path, text: str, *, mode: int) -> None:
    """Write a file that was not there, so that at no moment others can read it, and see it on the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _env_text(settings: Mapping[str, str]) -> str:
    """Write the settings as lines that a shell, systemd and container tools all read."""
    lines = ["# Made by transfer-service keys new. DEPLOYMENT can never change."]
    for name, value in settings.items():
        lines.append(f"{PREFIX}{name}={value if _PLAIN_PATH.fullmatch(value) else shlex.quote(value)}")
    return "\n".join(lines) + "\n"
