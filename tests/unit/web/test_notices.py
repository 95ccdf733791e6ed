"""A notice travels by its name, so that no words about anybody get into a cookie."""

import pytest
from flask import Flask, session

from transfer_service.web.notices import Shown, declare_notice, leave_notice, take_notice

SENT = declare_notice("test-sent", "The file was sent. Its reference is {reference}.")
CLOSED = declare_notice("test-closed", "The school is closed.", success=False)
REFERENCE = "PT-0000-0000"


@pytest.fixture
def app() -> Flask:
    made = Flask("test")
    made.secret_key = "a"
    return made


def test_it_is_shown_once(app: Flask) -> None:
    with app.test_request_context():
        leave_notice(SENT, reference=REFERENCE)

        assert session["notice"] == ["test-sent", REFERENCE]
        assert take_notice() == Shown("The file was sent. Its reference is PT-0000-0000.", success=True)
        assert take_notice() is None


def test_it_may_carry_a_reference_and_nothing_else(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match="carries a transfer’s reference"):
        leave_notice(SENT, reference="Zephyrine")


def test_one_that_is_no_longer_known_is_dropped(app: Flask) -> None:
    with app.test_request_context():
        session["notice"] = ["of-an-older-version", ""]

        assert take_notice() is None
        assert "notice" not in session


def test_one_may_be_no_success(app: Flask) -> None:
    with app.test_request_context():
        leave_notice(CLOSED)

        assert take_notice() == Shown("The school is closed.", success=False)


def test_two_notices_cannot_have_one_name() -> None:
    assert declare_notice("test-closed", "The school is closed.", success=False) == CLOSED
    with pytest.raises(ValueError, match="there is a notice called test-closed already"):
        declare_notice("test-closed", "Other words.")
