"""What every test of the exchange may ask for."""

from pathlib import Path

import pytest

from tests.cast import Cast, Service
from tests.integration.transfers.stage import Stage, set_stage


@pytest.fixture
def stage(cast: Cast, service: Service, tmp_path: Path) -> Stage:
    """The cast, a store and a calendar, once on each kind of database."""
    return set_stage(cast, service, tmp_path / "blobs")
