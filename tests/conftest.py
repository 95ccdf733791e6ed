"""What every test may ask for."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.database import KINDS, Database, empty_database, migrated_database

RUN_FOLDER = "TRANSFER_TESTS_RUN_FOLDER"
RUNNER = "TRANSFER_TESTS_RUNNER"

# For `pytest tests/properties/test_key_lifecycle.py --hypothesis-profile=ten-thousand-steps`: 500 walks of 20 steps.
settings.register_profile("ten-thousand-steps", max_examples=500, stateful_step_count=20, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Make one folder for the whole run; workers of xdist inherit its name."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="transfer-tests-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user and must get through
    os.environ[RUN_FOLDER] = str(folder)
    os.environ[RUNNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's folder; where a PostgreSQL server lives in it, its watchdog does."""
    if hasattr(config, "workerinput") or RUN_FOLDER not in os.environ:
        return
    folder = Path(os.environ.pop(RUN_FOLDER))
    if not (folder / "postgresql").exists():
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """The folder that all workers of this run share."""
    return Path(os.environ[RUN_FOLDER])


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, run_folder: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated database of this test's own: the test runs once on each kind."""
    with migrated_database(request.param, run_folder=run_folder, folder=tmp_path) as made:
        yield made


@pytest.fixture(params=KINDS)
def unmigrated_database(request: pytest.FixtureRequest, run_folder: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh database with nothing in it, for tests of migrations: the test runs once on each kind."""
    with empty_database(request.param, run_folder=run_folder, folder=tmp_path) as made:
        yield made


@pytest.fixture
def sqlite_database(run_folder: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database, for browser tests and journeys that need no second kind."""
    with migrated_database("sqlite", run_folder=run_folder, folder=tmp_path) as made:
        yield made
