"""The installation behind a demonstration: keys, custodians' ceremony, settings, database, schools, and its story."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import transfer_service
from config.settings import PREFIX, Settings
from transfer_service.app import build_installation, build_services, build_worker
from transfer_service.cli.exits import Refused
from transfer_service.cli.keys import write_new_keys
from transfer_service.db import migrate
from transfer_service.demo.clock import WalkingClock
from transfer_service.demo.enrolling import Stage
from transfer_service.demo.preparing import AUTHORITIES, DATA, prepare
from transfer_service.demo.sign_ins import SignIn
from transfer_service.interchange.gias import read_establishments, read_links
from transfer_service.use_cases.register import import_schools

DEPLOYMENT: Final = "demo"
WAITED_FOR: Final = frozenset({"signer", "alerts"})
"""The worker's jobs that are done within seconds of each act."""
PUBLIC_FILE: Final = "recovery-public.json"

_CEREMONY = Path(transfer_service.__file__).parent / "ceremony.py"


def make_installation(directory: Path, *, port: int) -> dict[str, str]:
    """Make the keys and hold both authorities' ceremonies in `directory`; returns the settings as the environment."""
    made = write_new_keys(directory / "keys", deployment=DEPLOYMENT, state_file=directory / "log-state.json")
    fingerprints = _hold_ceremonies(directory / "recovery")
    here = {
        "DATABASE_URL": f"sqlite:///{directory / 'transfer.db'}",
        "DATA_DIR": str(directory),
        "STORAGE_URL": (directory / "attachments").as_uri(),
        "BASE_URL": f"http://localhost:{port}",
        "DEMO_DIRECTORY": str(directory),
        "RECOVERY_KEYS": ",".join(f"{code}:{hexed}" for code, hexed in fingerprints.items()),
        "LOG_LEVEL": "error",
    }
    return {**made, **{f"{PREFIX}{name}": value for name, value in here.items()}}


def prepare_installation(
    settings: Settings, *, recovery: Path, until: datetime, say: Callable[[str], None]
) -> list[SignIn]:
    """Migrate, import the schools, and play the last weeks up to `until`; returns how everybody signs in."""
    say("Making the database and importing the schools of two authorities")
    migrate.upgrade(settings.database_url.reveal())
    clock = WalkingClock(until)
    services = build_services(settings)
    at = build_installation(settings, now=clock)
    stage = Stage(database=services.database, at=at, equipment=services.equipment, clock=clock)
    try:
        with (
            (DATA / "schools.csv").open("rb") as rows,
            (DATA / "links.csv").open("rb") as links,
            services.database.writing() as session,
        ):
            import_schools(session, at, rows=read_establishments(rows), links=read_links(links))
        worker = build_worker(settings, database=services.database, now=clock)
        sender = build_worker(settings, database=services.database, now=clock, only=WAITED_FOR)
        files = {code: (recovery / code / PUBLIC_FILE).read_text(encoding="utf-8") for code in AUTHORITIES}
        return prepare(stage, recovery_files=files, say=say, work=worker.run_due, send=sender.run_due)
    finally:
        services.database.dispose()


def _hold_ceremonies(folder: Path) -> dict[str, str]:
    """Run the custodians' own tool for each authority, all at once; returns the fingerprints by the codes."""
    running = {
        code: subprocess.Popen(
            [
                *(sys.executable, "-I", str(_CEREMONY), "recovery", "new", "--demo", "--assume-retyped"),
                *("--authority", code, "--out", str(folder / code), "--shares-to", str(folder / code / "shares")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for code in AUTHORITIES
    }
    for one in running.values():
        _, said = one.communicate()
        if one.returncode:
            raise Refused(f"The custodians' ceremony of the demonstration failed: {said.strip().splitlines()[-1]}")
    return {
        code: json.loads((folder / code / PUBLIC_FILE).read_text(encoding="utf-8"))["fingerprint"] for code in running
    }
