"""`witness`: be an independent party that saw the log, from one's own computer and without an account."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from transfer_service.audit.asking import WebRefused, fetch, post
from transfer_service.audit.checkpoint import add_signatures, parse_checkpoint, verify_checkpoint
from transfer_service.audit.errors import NotWitnessed
from transfer_service.audit.policy import parse_policy
from transfer_service.audit.tiles import Tile, nodes_from_tiles
from transfer_service.audit.tree import prove_consistency
from transfer_service.audit.witness import Request, Witness
from transfer_service.cli.edge import wall_clock
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.cli.witness_serving import serve_witness
from transfer_service.crypto.witness_keys import new_witness_key, read_witness_key

LARGEST_NOTE: Final = 64 * 1024

_FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_Options = Callable[[Callable[..., Any]], Callable[..., Any]]


def _witness_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every witness needs: its key, whom it follows, and what it remembers."""
    options: tuple[_Options, ...] = (
        click.option("--key", required=True, type=_FILE, help="The file with the witness's own key."),
        click.option("--policy", required=True, type=_FILE, help="The policy of the log, which names the log's keys."),
        click.option(
            "--memory",
            required=True,
            type=click.Path(dir_okay=False, path_type=Path),
            help="The file in which the witness remembers what it saw; made at first contact.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def witness() -> None:
    """Watch the log as an independent party, and sign what was seen."""


@witness.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="The name that the witness signs under, such as witness.example.org.")
@json_option
def new(*, file: Path, name: str, as_json: bool) -> None:
    """Make the key of a witness in FILE, and print the public half for the log's policy."""
    key = new_witness_key(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused("The file is there already, and keys are never overwritten. Name a new one.") from error
    with os.fdopen(descriptor, "w") as opened:
        opened.write(key.to_text() + "\n")
    if as_json:
        say_json({"file": file.absolute(), "key": key.verifier.text})
        return
    say(f"The key is in {file}. Nobody but this user can read it.")
    say("Send this line to whoever operates the service; once it stands in the log's policy, what you sign counts:")
    say(f"witness {name} {key.verifier.text}")


@witness.command()
@click.argument("url")
@_witness_options
@click.option("--no-post", is_flag=True, help="Check and remember alone; hand no cosignature in.")
@json_option
def pull(*, url: str, key: Path, policy: Path, memory: Path, no_post: bool, as_json: bool) -> None:
    """Fetch the newest checkpoint below URL, check that the log only grew, cosign it and hand that in."""
    watcher = load_witness(key, policy, memory)
    base = url.rstrip("/")
    try:
        note = fetch(f"{base}/checkpoint", limit=LARGEST_NOTE)
        checkpoint = verify_checkpoint(note, watcher.logs)
        seen = watcher.find_seen(checkpoint.origin)
        request = Request(0, (), note) if seen is None else _prove(base, seen.size, checkpoint.size, note)
        signature = watcher.add_checkpoint(request, now=wall_clock())
        answer = "" if no_post else post(f"{base}/cosignatures", add_signatures(note, [signature])).decode().strip()
    except WebRefused as error:
        raise Refused(error.sentence) from error
    first = seen is None
    if as_json:
        say_json({"origin": checkpoint.origin, "size": checkpoint.size, "first_seen": first, "answer": answer})
        return
    grown = "first seen" if seen is None else f"only grew since size {seen.size}"
    say(f"{checkpoint.origin}: {grown}; cosigned at size {checkpoint.size}.")
    if answer:
        say(f"The log answered: {answer}.")


@witness.command()
@_witness_options
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8008, show_default=True, type=click.IntRange(0, 65535))
def serve(*, key: Path, policy: Path, memory: Path, host: str, port: int) -> None:
    """Answer logs that ask for a cosignature (C2SP tlog-witness, POST /add-checkpoint) until stopped."""
    watcher = load_witness(key, policy, memory)
    serve_witness(watcher, host=host, port=port, now=wall_clock, ready=say)


def load_witness(key: Path, policy: Path, memory: Path) -> Witness:
    """Read the witness's files; raises MalformedText and NoteMalformed."""
    own = read_witness_key(key.read_text())
    return Witness(name=own.name, seed=own.seed, logs=parse_policy(policy.read_text()).logs, memory=memory)


def _prove(base: str, old: int, new_size: int, note: bytes) -> Request:
    """Make the proof of growth from the log's tiles; it is believed only where it leads to both roots."""
    if new_size < old:
        raise NotWitnessed(
            f"The log shows size {new_size}, and this witness saw size {old} before: it went back, or an old copy of "
            f"the page was served. Keep the checkpoint: {parse_checkpoint(note).text!r}"
        )
    if new_size == old:
        return Request(old, (), note)

    def fetch_tile(tile: Tile) -> bytes:
        return fetch(f"{base}/{tile.path}", limit=LARGEST_NOTE)

    return Request(old, tuple(prove_consistency(old, new_size, nodes_from_tiles(fetch_tile, new_size))), note)
