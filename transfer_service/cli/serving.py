"""Running the application under granian, with the worker in a thread of its process where the database is SQLite."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from typing import Any

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from config.settings import Settings
from transfer_service.app import build_worker, create_app
from transfer_service.cli.exits import Refused
from transfer_service.db.session import Database
from transfer_service.web.current import EXTENSION

STOPS_WITHIN_SECONDS = 30
"""How long a process that is told to stop may finish requests and the message in hand."""

# Granian's own lines go through our handlers, so that every line of the log has one form.
_OUR_HANDLERS: dict[str, Any] = {
    "handlers": {},
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "propagate": False},
    },
}


def run_server(*, host: str, port: int, workers: int, threads: int, log_level: str) -> None:
    """Serve until SIGTERM or SIGINT; each process makes its own application from the environment.

    Raises Refused where the processes could not stay up.
    """
    server = Granian(
        "transfer_service.cli.serving:load_application",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        log_access=False,
        log_level=LogLevels(log_level),
        log_dictconfig=_OUR_HANDLERS,
        workers_kill_timeout=STOPS_WITHIN_SECONDS,
        respawn_failed_workers=True,
    )
    server.serve()
    if not server.interrupt_signal:
        raise Refused("The web service stopped by itself. The lines above say why; put that right and start it again.")


def load_application() -> Flask:
    """Make the application of one process, and start its worker where the database is SQLite."""
    if multiprocessing.parent_process() is not None:
        # A forked process starts with the handlers of the one that waits for it, which would swallow a wish to stop
        # until granian has set its own.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
    # Imported here: the process that only waits for the others needs none of it.
    from transfer_service.cli.serve import load_serving_settings

    settings = load_serving_settings()
    app = create_app(settings)
    database: Database = app.extensions[EXTENSION].database
    if database.is_sqlite:
        start_worker_thread(settings, database)
    return app


def start_worker_thread(settings: Settings, database: Database) -> threading.Thread:
    """Start the worker in a thread that ends, the message in hand finished, when the process's main thread has ended.

    It shares the application's `Database`, whose lock lets one writer of this process in at a time.
    """
    main = threading.main_thread()
    worker = build_worker(settings, database=database, should_stop=lambda: not main.is_alive())
    thread = threading.Thread(target=worker.run, name="worker")
    thread.start()
    return thread
