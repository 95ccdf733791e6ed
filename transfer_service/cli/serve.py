"""`serve`: the web service, and on SQLite the worker in the same process."""

from __future__ import annotations

import os
import socket

import click

from config.settings import NEEDS_WEB, NEEDS_WORKER, Settings
from transfer_service.app import build_channel
from transfer_service.cli.edge import load_settings
from transfer_service.cli.exits import Refused
from transfer_service.cli.readiness import check_readiness
from transfer_service.cli.serving import run_server


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", type=click.IntRange(1, 64), help="Processes: 2 on PostgreSQL, 1 on SQLite.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads a process: 4 on PostgreSQL, 8 on SQLite.")
def serve(*, host: str, port: int, workers: int | None, threads: int | None) -> None:
    """Serve the pages until stopped; on SQLite send alerts and sign the log too. On PostgreSQL run a worker too."""
    serve_with(load_serving_settings(), host=host, port=port, workers=workers, threads=threads)


def serve_with(
    settings: Settings, *, host: str, port: int, workers: int | None = None, threads: int | None = None
) -> None:
    """Serve with settings that are also in the environment, where each process reads them; returns when stopped."""
    check_readiness(settings.database_url.reveal())
    is_sqlite = settings.database_url.reveal().startswith("sqlite")
    if is_sqlite:
        build_channel(settings)  # what is wrong with it is said here, once, and not by each process
    if is_sqlite and workers not in {None, 1}:
        raise click.BadParameter("SQLite takes one process; use --threads, or PostgreSQL.", param_hint="--workers")
    _check_port_is_free(host, port)
    run_server(
        host=host,
        port=port,
        workers=workers or (1 if is_sqlite else 2),
        threads=threads or (8 if is_sqlite else 4),
        log_level=settings.log_level,
    )


def _check_port_is_free(host: str, port: int) -> None:
    """Insist that we can listen there, since the server's own words about it are for its programmers."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise Refused(
            f"The service cannot listen at {host} port {port}: {_say(error)}. "
            "Choose another --port or --host, or stop what listens there."
        ) from error


def _say(error: OSError) -> str:
    """The system's own words, without what Python adds to them."""
    is_lookup = isinstance(error, socket.gaierror) or error.errno is None
    return "there is no such address" if is_lookup else os.strerror(error.errno or 0)


def load_serving_settings() -> Settings:
    """Read what the web service needs, and on SQLite what the worker in its process needs too."""
    settings = load_settings(NEEDS_WEB, serving=True)
    if settings.database_url.reveal().startswith("sqlite"):
        return load_settings(NEEDS_WEB | NEEDS_WORKER, serving=True)
    return settings
