"""What every test of the exchange may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import Database as TestDatabase
from tests.integration.transfers.stage import Stage, set_stage


@pytest.fixture
def stage(database: TestDatabase, tmp_path: Path) -> Iterator[Stage]:
    """Schools, people and keys in a fresh database, once on each kind."""
    made = set_stage(database.url, tmp_path / "blobs")
    yield made
    made.database.dispose()


@pytest.fixture
def sqlite_stage(sqlite_database: TestDatabase, tmp_path: Path) -> Iterator[Stage]:
    """The same on SQLite alone, for what no database can change."""
    made = set_stage(sqlite_database.url, tmp_path / "blobs")
    yield made
    made.database.dispose()
