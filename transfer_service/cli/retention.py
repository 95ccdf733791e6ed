"""`retention run`: shred what is due."""

from __future__ import annotations

import click

from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import Progress, json_option, say, say_json
from transfer_service.jobs.retention import Retention
from transfer_service.storage.blobs import Storage


@click.group()
def retention() -> None:
    """Shred what is due."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Say what is due, and shred nothing.")
@json_option
def run(*, dry_run: bool, as_json: bool) -> None:
    """Shred files that the receiving school exported and stated as filed 30 days ago, and that no legal hold keeps."""
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | {"storage_url"})
    progress = Progress("Shredding")
    with open_database(settings) as database:
        store = Storage.from_url(settings.storage_url.reveal())
        job = Retention(database=database, at=build_installation(settings), store=store)
        due = job.list_due()
        waits_until = None if dry_run else job.watch_clock()
        if waits_until is not None:
            raise Refused(
                "The machine's clock moved by more than a week at once, or the service stood still for so long. "
                "Nothing was shredded. Compare the clock with another one; if it is right, run this again after "
                f"{waits_until:%d %B %Y}."
            )
        shredded = [] if dry_run else job.shred_due(progress=progress)
    progress.finish()
    if as_json:
        say_json(
            {
                "dry_run": dry_run,
                "due": due,
                "shredded": [{"dispatch": one.dispatch_id, "items": one.items} for one in shredded],
            }
        )
    elif dry_run:
        say(f"{len(due):,} dispatches are due. Nothing was shredded.")
    else:
        items = sum(one.items for one in shredded)
        say(f"{len(shredded):,} dispatches were shredded, with {items:,} items. Their receipts and the log stay.")
