"""A small installation whose commands run in this process, as an operator would run them."""

import base64
import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.database import Database as MadeDatabase
from transfer_service.cli.keys import write_new_keys
from transfer_service.cli.root import run
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed

PREFIX = "TRANSFER_SERVICE_"
RECOVERY = RecoveryKey.from_seed(Seed(b"\x37" * 32))


@dataclass(frozen=True)
class Answer:
    """What a command said and the code that it left with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Installation:
    """Its folder, its settings, and a way to run commands in it."""

    folder: Path
    database: MadeDatabase
    environ: dict[str, str] = field(repr=False)
    run: Callable[..., Answer]

    @property
    def policy(self) -> Path:
        return self.folder / "keys" / "policy.txt"


@pytest.fixture
def quiet_logging() -> Iterator[None]:
    """Put back what commands change about logging."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet_logging: None
) -> Callable[..., Answer]:
    """Run a command in this process, with no settings but those in `environ`."""

    def run_it(*words: str, **environ: str) -> Answer:
        with monkeypatch.context() as patched:
            for name in [name for name in os.environ if name.startswith(PREFIX)]:
                patched.delenv(name)
            for name, value in environ.items():
                patched.setenv(name if name.startswith(PREFIX) else PREFIX + name, value)
            capsys.readouterr()
            code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run_it


def settings_of(folder: Path, database: MadeDatabase) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    return {
        **write_new_keys(folder / "keys", deployment="test-cli"),
        f"{PREFIX}DATABASE_URL": database.url,
        f"{PREFIX}DATA_DIR": str(folder),
        f"{PREFIX}SMTP_URL": "smtp://127.0.0.1:9?starttls=no",
        f"{PREFIX}MAIL_FROM": "alerts@example.org",
    }


def make_installation(folder: Path, database: MadeDatabase, command: Callable[..., Answer]) -> Installation:
    environ = settings_of(folder, database)

    def run_it(*words: str, **changes: str) -> Answer:
        changed = {PREFIX + name: value for name, value in changes.items()}
        return command(*words, **{name: value for name, value in {**environ, **changed}.items() if value})

    return Installation(folder=folder, database=database, environ=environ, run=run_it)


@pytest.fixture
def installation(tmp_path: Path, sqlite_database: MadeDatabase, command: Callable[..., Answer]) -> Installation:
    """One on SQLite."""
    return make_installation(tmp_path / "installation", sqlite_database, command)


@pytest.fixture
def any_installation(tmp_path: Path, database: MadeDatabase, command: Callable[..., Answer]) -> Installation:
    """One on each kind of database."""
    return make_installation(tmp_path / "installation", database, command)


def write_recovery_file(path: Path, *, authority: str = "937", demo: bool = False) -> Path:
    """A file such as the custodians' ceremony writes."""
    public = RECOVERY.public
    path.write_text(
        json.dumps(
            {
                "format": 1,
                "suite": public.suite,
                "kem_public": base64.b64encode(public.kem_public).decode(),
                "fingerprint": public.fingerprint.hex,
                "authority": authority,
                "demo": demo,
            }
        )
    )
    return path


def single_sentence(answer: Answer) -> str:
    """The one line on standard error."""
    with contextlib.suppress(ValueError):
        (line,) = answer.err.splitlines()
        return line
    raise AssertionError(f"not one line: {answer.err!r}")
