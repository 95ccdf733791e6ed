"""`audit rotate-key` and `audit successor-key`: a new key for the log, or for the log that succeeds it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import click

from config.settings import NEEDS_DATABASE, NEEDS_SIGNER
from transfer_service.app import build_signer
from transfer_service.audit import log
from transfer_service.audit.policy import add_log_key, write_policy
from transfer_service.audit.signer import SignResult
from transfer_service.cli.edge import load_settings, open_database, wall_clock
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.recording import entry

KEY_FILE: Final = "log-signing-key"
POLICY_FILE: Final = "policy.txt"


@click.command("rotate-key")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@json_option
def rotate_key(*, directory: Path, as_json: bool) -> None:
    """Make a new key for the log in DIRECTORY, and have the old key sign the leaf that names it.

    The worker goes on with the old key until LOG_SIGNING_KEY and LOG_POLICY name the new files.
    """
    settings = load_settings(NEEDS_DATABASE | NEEDS_SIGNER | {"log_policy"})
    old = LogSigningKey.from_text(settings.log_signing_key.reveal())
    new = LogSigningKey.generate(old.name)
    _write_files(directory, new, settings.log_policy or write_policy([old.verifier]))
    with open_database(settings) as database:
        with database.writing() as session:
            fingerprint = hashlib.sha256(new.vkey.encode()).hexdigest()
            leaf = entry(None, Event.LOG_KEY_ROTATED, basis=Basis.COMMAND_LINE, key=fingerprint)
            (position,) = log.append_all(session, entries=[leaf], now=wall_clock())
        outcome = build_signer(settings, database=database)()
    if outcome.result is SignResult.FROZEN:
        raise Refused(outcome.sentence)
    if as_json:
        say_json({"leaf": position.idx, "key": new.vkey, "policy": directory.absolute() / POLICY_FILE})
        return
    say(f"The leaf {position.idx} names the new key, whose public half is {new.vkey}.")
    say(f"{POLICY_FILE} names both keys: send it to the schools first, by letter, poster or mail.")
    say("Then stop the worker when `transfer-service audit checkpoint` has covered that leaf, and let")
    say(f"LOG_SIGNING_KEY_FILE and LOG_POLICY_FILE name the files in {directory}. LOG_STATE_FILE stays.")


@click.command("successor-key")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True, help="The name of the new log, such as warwickshire/log-2: never used before.")
@json_option
def successor_key(*, directory: Path, name: str, as_json: bool) -> None:
    """Make the key of the log that succeeds one that cannot be made whole, and a policy of both, in DIRECTORY.

    Nothing is changed yet: `restore --successor` begins the new log (docs/restore.md, “When leaves are lost”).
    """
    settings = load_settings(NEEDS_SIGNER | {"log_policy"})
    old = LogSigningKey.from_text(settings.log_signing_key.reveal())
    if name == old.name:
        raise Refused("The successor needs another name than the log that it succeeds. Give a new one with --name.")
    new = LogSigningKey.generate(name)
    _write_files(directory, new, settings.log_policy or write_policy([old.verifier]))
    if as_json:
        say_json({"key": new.vkey, "policy": directory.absolute() / POLICY_FILE})
        return
    say(f"The key of the log {name} is in {directory}; its public half is {new.vkey}.")
    say(f"{POLICY_FILE} names the old log and the new one: send it to the schools, by letter, poster or mail.")
    say(f"Let LOG_SIGNING_KEY_FILE and LOG_POLICY_FILE name the files in {directory}, and LOG_STATE_FILE a new one.")


def _write_files(directory: Path, new: LogSigningKey, policy: str) -> None:
    """Write the new key, and the policy with it beside those that it names already; raises Refused."""
    if directory.exists() and any(directory.iterdir()):
        raise Refused("The folder is not empty, and keys are never overwritten. Name a new folder.")
    both = add_log_key(policy, new.verifier)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(directory / KEY_FILE, new.to_text() + "\n", mode=0o600)
    _write(directory / POLICY_FILE, both, mode=0o644)


def _write(path: Path, text: str, *, mode: int) -> None:
    """Write a file that was not there and see it on the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
