"""Unit tests reach no database and no network: what needs one is an integration test."""

import socket
from typing import NoReturn

import pytest
from sqlalchemy.engine import Engine


class ReachedOutside(AssertionError):
    """A unit test tried to leave the process."""


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database(*arguments: object, **options: object) -> NoReturn:
        raise ReachedOutside("A unit test may not reach a database: move it to tests/integration.")

    def no_network(*arguments: object, **options: object) -> NoReturn:
        raise ReachedOutside("A unit test may not open a connection: move it to tests/integration.")

    # Every session, connection and transaction of SQLAlchemy begins here, however the engine was made.
    monkeypatch.setattr(Engine, "raw_connection", no_database)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket.socket, "connect_ex", no_network)
