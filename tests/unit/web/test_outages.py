"""What means that the database cannot be reached just now, and what is a fault of ours."""

import pytest
from sqlalchemy import exc

from transfer_service.db.outages import is_outage


@pytest.mark.parametrize(
    "error",
    [
        exc.OperationalError("SELECT", {}, ConnectionError()),
        exc.InterfaceError("SELECT", {}, ConnectionError()),
        exc.TimeoutError("the pool is exhausted"),
        exc.DatabaseError("SELECT", {}, ConnectionError(), connection_invalidated=True),
    ],
)
def test_a_lost_or_busy_database_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [exc.IntegrityError("INSERT", {}, ValueError()), exc.ProgrammingError("SELEC", {}, ValueError()), KeyError()],
)
def test_a_fault_of_ours_is_none(error: Exception) -> None:
    assert not is_outage(error)
