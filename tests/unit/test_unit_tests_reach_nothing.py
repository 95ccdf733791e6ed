import socket

import pytest
import sqlalchemy


def test_a_unit_test_that_opens_a_database_fails():
    engine = sqlalchemy.create_engine("sqlite://")
    with pytest.raises(AssertionError, match="may not reach a database"), engine.connect():
        pytest.fail("the database was reached")


def test_a_unit_test_that_opens_a_connection_fails():
    with socket.socket() as made, pytest.raises(AssertionError, match="may not open a connection"):
        made.connect(("127.0.0.1", 9))
