"""The stage of the exchange, for what the authority does."""

from pathlib import Path

import pytest

from tests.integration.transfers.stage import Stage, set_stage


@pytest.fixture
def stage(cast, service, tmp_path: Path) -> Stage:
    """The cast, a store and a calendar, once on each kind of database."""
    return set_stage(cast, service, tmp_path / "blobs")
