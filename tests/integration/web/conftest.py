"""Tests of pages close the databases that their applications opened."""

from collections.abc import Iterator

import pytest

from tests.shell import close_databases


@pytest.fixture(autouse=True)
def closed_databases() -> Iterator[None]:
    yield
    close_databases()
