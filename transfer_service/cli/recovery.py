"""`recovery …`: the files that go to the recovery custodians and come back, and a key that replaces theirs."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import click

from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import CHECK_FAILED, Refused
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.crypto.recovery_files import bundle_sha256
from transfer_service.db.queries.authorities import find_authority_id
from transfer_service.domain.identifiers import parse_la_code
from transfer_service.use_cases.keys.custodians import replace_recovery_key
from transfer_service.use_cases.oversight.recovery_bundles import export_for_drill, export_for_request
from transfer_service.use_cases.oversight.recovery_imports import import_grants, import_verdict
from transfer_service.use_cases.people.authorities import read_recovery_file

_NEEDS = NEEDS_DATABASE | NEEDS_INSTALLATION | {"demo_directory"}
_existing = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group()
def recovery() -> None:
    """Exchange files with the recovery custodians."""


@recovery.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--authority", "code", help="The authority's three digits: every escrow grant, for a drill.")
@click.option("--request", "request_id", type=click.UUID, help="The id of an approved request: for an opening.")
@json_option
def export(*, file: Path, code: str | None, request_id: UUID | None, as_json: bool) -> None:
    """Write the bundle for a drill, or for the opening of an approved request, into the new FILE."""
    if (code is None) == (request_id is None):
        raise click.UsageError("Give --authority for a drill or --request for an opening, one of the two.")
    settings = load_settings(_NEEDS)
    at = build_installation(settings)
    with open_database(settings) as database, database.writing() as session:
        if request_id is not None:
            text = export_for_request(session, at, None, request_id=request_id, is_demo=settings.is_demo)
        else:
            authority_id = find_authority_id(session, parse_la_code(code or "") or "")
            if authority_id is None:
                raise Refused("No authority has this code. Check the three digits.")
            text = export_for_drill(session, at, None, authority_id=authority_id, is_demo=settings.is_demo)
        # Before the commit: a bundle that could not be written was not exported.
        _write_new(file, text)
    if as_json:
        say_json({"file": file, "sha256": bundle_sha256(text)})
        return
    say(f"The bundle is in {file}. It opens nothing by itself.")
    say(f"SHA-256 {bundle_sha256(text)}: the custodians compare it on their computer.")


@recovery.command(name="import")
@click.argument("file", type=_existing)
@json_option
def import_(*, file: Path, as_json: bool) -> None:
    """Take in FILE, which the custodians' tool wrote: a drill's verdict, or the grants of an opening."""
    settings = load_settings(_NEEDS)
    at, text = build_installation(settings), file.read_text(encoding="utf-8")
    with open_database(settings) as database, database.writing() as session:
        if '"results"' not in text:
            count = import_grants(session, at, None, text=text)
            answer = {"grants": count}
            said = f"{count} keys are granted. The person signs in next, and the school has a new key."
            failed = 0
        else:
            outcome = import_verdict(session, at, None, text=text)
            failed = outcome.failed
            answer = {
                "opened": outcome.opened,
                "failed": failed,
                "former_grants_deleted": outcome.former_grants_deleted,
            }
            said = f"The drill is recorded: {outcome.opened} escrow grants opened, {failed} did not."
    if as_json:
        say_json(answer)
    else:
        say(said)
    if failed:
        click.get_current_context().exit(CHECK_FAILED)


@recovery.command()
@click.option("--recovery-key", "file", required=True, type=_existing, help="The recovery-public.json of a ceremony.")
@click.option("--code", help="The authority's three digits; by default what the ceremony wrote.")
@json_option
def replace(*, file: Path, code: str | None, as_json: bool) -> None:
    """Put the key of a new ceremony in the place of an authority's recovery key. RECOVERY_KEYS names it first."""
    settings = load_settings(_NEEDS)
    at, made = build_installation(settings), read_recovery_file(file.read_text(encoding="utf-8"))
    la_code = parse_la_code(code if code is not None else made.authority)
    if la_code is None:
        raise click.BadParameter("give the authority's three digits, such as 937.", param_hint="--code")
    with open_database(settings) as database, database.writing() as session:
        key_id = replace_recovery_key(session, at, la_code=la_code, recovery=made, is_demo=settings.is_demo)
    words = " ".join(made.public.fingerprint.words())
    if as_json:
        say_json({"id": key_id, "fingerprint": made.public.fingerprint.hex, "words": words})
        return
    say(f"The recovery key of {la_code} is now: {words}.")
    say("Each school seals its keys to it when one of its safeguarding leads signs in next.")
    say("When all have, hold a drill. Only then destroy the shares of the former key.")


def _write_new(file: Path, text: str) -> None:
    """Write a file that was not there; nothing is overwritten."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused("There is a file of this name already, and nothing is overwritten. Name another.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
