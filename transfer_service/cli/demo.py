"""`demo`: a whole installation of made-up people and transfers, from nothing, served on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from config.settings import NEEDS_WEB, NEEDS_WORKER, PREFIX, Settings
from transfer_service.cli.demo_installation import make_installation, prepare_installation
from transfer_service.cli.edge import load_settings, wall_clock
from transfer_service.cli.exits import Refused
from transfer_service.cli.keys import POLICY_FILE
from transfer_service.cli.output import say, say_json
from transfer_service.demo.sign_ins import FILE, SignIn, write_sign_ins

MARK: Final = ".transfer-service-demo"
"""A file that says that a folder is a demonstration's, so that it may be emptied."""

KEYS: Final = "keys"
SETTINGS_FILE: Final = "settings.env"


@click.command()
@click.option(
    "--directory",
    default="instance/demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The demonstration's folder. One that is there already is emptied.",
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-serve", is_flag=True, help="Prepare the folder, print JSON for programs, and stop.")
def demo(*, directory: Path, port: int, no_serve: bool) -> None:
    """Make a demonstration from nothing and serve it at http://localhost:8000. Each run starts clean."""
    directory = directory.absolute()
    if not no_serve:
        _check_port(port)
    _clear_environment()
    _begin_folder(directory)
    _tell("Making the keys of the demonstration")
    environ = make_installation(directory, port=port)
    os.environ.update(environ)
    _write_settings(directory / SETTINGS_FILE, environ)
    settings = load_settings(NEEDS_WEB | NEEDS_WORKER)
    sign_ins = prepare_installation(
        settings, recovery=directory / "recovery", until=wall_clock() - timedelta(minutes=1), say=_tell
    )
    write_sign_ins(directory, sign_ins)
    if no_serve:
        _print_for_programs(directory, settings, sign_ins)
        return
    _print_for_people(settings, sign_ins)
    _serve_afresh(port)


def _serve_afresh(port: int) -> None:
    """Become `serve`, in this process's place and with its environment.

    The store of sealed bytes has threads of its own once it was used, and those do not live on in the processes that
    a web server forks: whoever serves must not have used it before.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "-m", "transfer_service", "serve", "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 -- our own program, without a shell


def _check_port(port: int) -> None:
    """Refuse before the work, where something listens there already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            raise Refused(
                f"Something uses port {port} already. Stop it, or choose another one: make demo PORT=8001"
            ) from None


def _clear_environment() -> None:
    """Forget settings of another installation that this shell may hold: a demonstration touches nothing real."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def _begin_folder(directory: Path) -> None:
    """Empty a demonstration's folder, or begin a new one; raises Refused for a folder of anything else."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARK).exists():
            raise Refused(
                "The folder is not empty and no demonstration's, so nothing in it is touched. Name a new folder "
                "with --directory."
            )
        shutil.rmtree(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / MARK).write_text("Made by transfer-service demo, which empties this folder when it runs again.\n")


def _write_settings(path: Path, environ: Mapping[str, str]) -> None:
    """Write the settings, so that other commands can look into the demonstration."""
    path.write_text("".join(f"{name}='{value}'\n" for name, value in sorted(environ.items())), encoding="utf-8")
    path.chmod(0o600)


def _print_for_programs(directory: Path, settings: Settings, sign_ins: list[SignIn]) -> None:
    say_json(
        {
            "base_url": settings.base_url,
            "people": [
                {
                    "email": one.email,
                    "password": one.password,
                    "totp_secret": one.totp_secret,
                    "role": one.role,
                    "organisation": one.organisation,
                    "name": one.name,
                    "waits": one.waits,
                }
                for one in sign_ins
            ],
            "policy": directory / KEYS / POLICY_FILE,
            "settings": directory / SETTINGS_FILE,
            "sign_ins": directory / FILE,
        }
    )


def _print_for_people(settings: Settings, sign_ins: list[SignIn]) -> None:
    say()
    say(f"The password of everybody is:  {sign_ins[0].password}")
    say()
    rows = [
        (one.organisation, one.role_label + (" (not approved yet)" if one.waits else ""), one.email) for one in sign_ins
    ]
    first, second = (max(len(row[place]) for row in rows) for place in (0, 1))
    for organisation, role, email in rows:
        say(f"  {organisation:<{first}}  {role:<{second}}  {email}")
    say()
    say(f"The service is at             {settings.base_url}")
    say(f"One-time codes are at         {settings.base_url}/demo")
    say(f"Alerts can be read at         {settings.base_url}/demo/alerts")
    say("Nothing leaves this machine. Ctrl-C stops it; the next run starts clean.")
    say()


def _tell(line: str) -> None:
    """Say how far it has come, where it does not mix with an answer for programs."""
    click.echo(f"{line} …", err=True)
