"""One demonstration, prepared once for a whole test run by the command itself, and copies of it for tests."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
from flask import Flask
from werkzeug.serving import make_server

from config.settings import NEEDS_WEB, NEEDS_WORKER, Settings
from tests.cluster import locked
from transfer_service.alerts.catcher import CaughtMail, list_caught
from transfer_service.app import DEMO_MAILS, build_worker, create_app
from transfer_service.web.current import EXTENSION, Services

ANSWER = "answer.json"
KEPT = "TRANSFER_TESTS_DEMONSTRATION"
"""A folder in which one is kept from run to run, for whoever works on a test and does not want to wait each time."""


@dataclass(frozen=True)
class Demonstration:
    """A copy of the demonstration: its folder, what the command printed, and its settings."""

    folder: Path
    answer: dict[str, Any] = field(repr=False)
    environ: dict[str, str] = field(repr=False)

    def person(self, begins: str) -> dict[str, Any]:
        """Whoever's address begins like this."""
        return next(one for one in self.answer["people"] if one["email"].startswith(begins))

    def settings(self, **changes: str) -> Settings:
        given = {**self.environ, **{f"TRANSFER_SERVICE_{name}": text for name, text in changes.items()}}
        return Settings.from_mapping(given, NEEDS_WEB | NEEDS_WORKER)

    def mails(self, recipient: str) -> list[CaughtMail]:
        """The mails to one address, the newest first."""
        return list_caught(self.folder / DEMO_MAILS, recipient=recipient)


def code_of(person: dict[str, Any]) -> str:
    """The one-time code of now."""
    return pyotp.TOTP(person["totp_secret"]).now()


def prepared_demonstration(run_folder: Path) -> Path:
    """The folder of the run's one demonstration; the first who asks makes it, the others wait."""
    folder = Path(os.environ.get(KEPT) or run_folder / "demonstration")
    with locked(run_folder / "demonstration.lock"):
        if not (folder / ANSWER).exists():
            made = subprocess.run(
                [sys.executable, "-m", "transfer_service", "demo", "--directory", str(folder), "--no-serve"],
                capture_output=True,
                text=True,
                check=False,
                env={name: text for name, text in os.environ.items() if not name.startswith("TRANSFER_SERVICE_")},
            )
            assert made.returncode == 0, made.stderr
            (folder / ANSWER).write_text(made.stdout, encoding="utf-8")
    return folder


def copy_of(prepared: Path, folder: Path) -> Demonstration:
    """A copy in `folder`, whose settings and answer name the copy."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    answer = json.loads((folder / ANSWER).read_text(encoding="utf-8").replace(str(prepared), str(folder)))
    lines = (folder / "settings.env").read_text(encoding="utf-8").replace(str(prepared), str(folder)).splitlines()
    environ = dict(line.split("=", 1) for line in lines)
    return Demonstration(folder, answer, {name: text.strip("'") for name, text in environ.items()})


@contextmanager
def running(demonstration: Demonstration) -> Iterator[str]:
    """Serve a copy on this machine with its worker beside it, as `serve` does; gives the address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://localhost:{port}"
    settings = demonstration.settings(BASE_URL=address)
    app: Flask = create_app(settings)
    services: Services = app.extensions[EXTENSION]
    worker = build_worker(settings, database=services.database)
    server = make_server("127.0.0.1", port, app, threaded=True)
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
        threading.Thread(target=worker.run, daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield address
    finally:
        worker.stop()
        server.shutdown()
        for thread in threads:
            thread.join(20)
        server.server_close()
        services.database.dispose()
