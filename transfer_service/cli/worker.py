"""`worker`: sends alerts, signs the log, reminds, expires and shreds, until it is told to stop."""

from __future__ import annotations

import signal

import click

from config.settings import NEEDS_WORKER
from transfer_service.app import build_worker
from transfer_service.cli.edge import load_settings, open_database
from transfer_service.cli.readiness import check_readiness


@click.command()
def worker() -> None:
    """Do what falls due until SIGTERM or SIGINT, then finish the message in hand. Several may run side by side."""
    settings = load_settings(NEEDS_WORKER, serving=True)
    check_readiness(settings.database_url.reveal())
    with open_database(settings) as database:
        made = build_worker(settings, database=database)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: made.stop())
        made.run()
