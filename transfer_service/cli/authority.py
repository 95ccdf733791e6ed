"""`authority create`: an authority joins the service with its custodians' recovery key."""

from __future__ import annotations

from pathlib import Path

import click

from config.settings import NEEDS_DATABASE, Settings
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.db.queries.authorities import find_authority_name
from transfer_service.db.session import Database
from transfer_service.domain.identifiers import parse_la_code
from transfer_service.use_cases.people.authorities import create_authority, read_recovery_file


@click.group()
def authority() -> None:
    """Let an authority join the service."""


@authority.command()
@click.option(
    "--recovery-key",
    "recovery_key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="The recovery-public.json that the custodians' ceremony wrote.",
)
@click.option("--code", help="The authority's three digits, such as 937; by default what the ceremony wrote.")
@click.option("--name", help="The authority's name; by default as the register of schools has it.")
@json_option
def create(*, recovery_key: Path, code: str | None, name: str | None, as_json: bool) -> None:
    """Enrol an authority, so that its schools can make keys. Import the schools first and its name is known."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | {"demo_directory"})
    recovery = read_recovery_file(recovery_key.read_text(encoding="utf-8"))
    with open_database(settings) as database:
        la_code = _code_of(code, recovery)
        _check_setting(settings, la_code, recovery)
        named = name or _name_of(database, la_code)
        at = build_installation(settings)
        with database.writing() as session:
            authority_id = create_authority(
                session, at, None, la_code=la_code, name=named, recovery=recovery, is_demo=settings.is_demo
            )
    fingerprint = recovery.public.fingerprint
    words = " ".join(fingerprint.words())
    if as_json:
        say_json({"id": authority_id, "code": la_code, "name": named, "fingerprint": fingerprint.hex, "words": words})
        return
    say(f"{named} ({la_code}) has joined.")
    say(f"Its recovery key reads: {words}. Have the custodians confirm these words.")
    if la_code not in dict(settings.recovery_keys):
        say("Before its schools can make keys, set (further authorities after a comma):")
        say(f"TRANSFER_SERVICE_RECOVERY_KEYS={la_code}:{fingerprint.hex}")


def _code_of(code: str | None, recovery: RecoveryPublic) -> str:
    found = parse_la_code(code if code is not None else recovery.authority)
    if found is None:
        raise click.BadParameter("give the authority's three digits, such as 937.", param_hint="--code")
    return found


def _name_of(database: Database, la_code: str) -> str:
    with database.reading() as session:
        found = find_authority_name(session, la_code)
    if found is None:
        raise click.BadParameter(
            "the register of schools does not know this authority yet: give its name, or import the schools first.",
            param_hint="--name",
        )
    return found


def _check_setting(settings: Settings, la_code: str, recovery: RecoveryPublic) -> None:
    """Refuse a key other than the one that RECOVERY_KEYS names: no school's key would be made with it."""
    expected = dict(settings.recovery_keys).get(la_code)
    if expected is not None and expected != recovery.public.fingerprint.hex:
        raise Refused(
            "The file holds another recovery key than RECOVERY_KEYS names for this authority. Check which of the two "
            "the custodians made, and correct the other."
        )
