"""`db upgrade` and `db check`."""

from __future__ import annotations

import click

from config.settings import NEEDS_MIGRATION
from transfer_service.cli.edge import check_revision, load_settings
from transfer_service.cli.exits import CHECK_FAILED, DONE
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.cli.readiness import find_missing_guards
from transfer_service.db import migrate


@click.group()
def db() -> None:
    """Bring the database to the newest revision, or check it."""


@db.command()
def upgrade() -> None:
    """Run every migration that the database lacks. On PostgreSQL as DATABASE_OWNER_URL, which owns the tables."""
    settings = load_settings(NEEDS_MIGRATION)
    url, owner = settings.database_url.reveal(), settings.database_owner_url
    again = migrate.upgrade(url, owner_url=None if owner is None else owner.reveal())
    current, _ = migrate.revision_gap(url)
    say(f"The database is at revision {current}.")
    if again:
        say(f"Guards of the log were absent, off or changed, and were made again: {', '.join(again)}.")
        say("Find out who did that, and run transfer-service audit verify.")


@db.command()
@json_option
def check(*, as_json: bool) -> int:
    """Compare the database with what this version expects: revision, tables, and the guards of the log."""
    settings = load_settings(frozenset({"database_url"}))
    url = settings.database_url.reveal()
    check_revision(url)
    differences = [str(difference) for difference in migrate.drift(url)]
    missing = find_missing_guards(url)
    current, _ = migrate.revision_gap(url)
    if as_json:
        say_json({"revision": current, "differences": differences, "missing_guards": missing})
    else:
        for difference in differences:
            say(f"The models and the database differ: {difference}")
        for name in missing:
            say(f"The log's guard {name} is absent, off or changed.")
        if not differences and not missing:
            say(f"The database is at revision {current}; the models and the log's guards agree with it.")
    return CHECK_FAILED if differences or missing else DONE
