"""Log lines hold allowed keys alone, and an exception's text never reaches them."""

import io
import json
import logging
import sqlite3
import warnings
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog

from config.logging import configure_logging, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that takes the lines; the process's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level, loud = root.handlers[:], root.level, logging.raiseExceptions
    taken = io.StringIO()
    configure_logging("info", taken)
    yield taken
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = loud
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_allowed_keys_are_kept_and_the_request_is_named(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="0190-ab")

    get_logger("transfer_service.web").info("request done", status=200, endpoint="public.health", person_id=UUID(int=7))

    (line,) = lines_of(stream)
    assert line.pop("timestamp")
    assert line == {
        "event": "request done",
        "level": "info",
        "logger": "transfer_service.web",
        "request_id": "0190-ab",
        "status": 200,
        "endpoint": "public.health",
        "person_id": "00000000-0000-0000-0000-000000000007",
    }


def test_other_keys_and_values_that_are_not_plain_are_dropped_and_counted(stream: io.StringIO) -> None:
    get_logger("x").info("request done", pupil="Zephyrine", reason="told by Zephyrine", outcome=["a" * 500], count=3)

    (line,) = lines_of(stream)
    assert line["dropped"] == 3
    assert line["count"] == 3
    assert "Zephyrine" not in stream.getvalue()


def test_an_event_that_is_not_small_words_is_withheld(stream: io.StringIO) -> None:
    get_logger("x").info("opened for Zephyrine")
    get_logger("x").info("opened h801200001001")

    assert [line["event"] for line in lines_of(stream)] == ["event withheld", "event withheld"]


def test_an_exception_is_its_type_and_our_frames(stream: io.StringIO) -> None:
    from config.values import parse_smtp_url

    try:
        try:
            parse_smtp_url("zephyrine")
        except ValueError as error:
            raise RuntimeError("zephyrine again") from error
    except RuntimeError as error:
        get_logger("x").error("mail failed", exc_info=error.__cause__)
        get_logger("x").exception("mail failed")

    first, second = lines_of(stream)
    assert first["error"] == "ValueError"
    assert [frame.split(" ")[1] for frame in first["frames"]] == [  # type: ignore[attr-defined]
        "config.values.parse_smtp_url",
        "config.values.split_url",
    ]
    assert (second["error"], second["caused_by"]) == ("RuntimeError", ["ValueError"])
    assert "zephyrine" not in stream.getvalue()


def test_a_full_disk_is_told_from_a_closed_port_by_its_code(stream: io.StringIO) -> None:
    class DiskFull(Exception):
        sqlstate = "53100"

    class Odd(Exception):
        sqlstate = "about Zephyrine"

    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    for error in (
        OSError(28, "No space for Zephyrine", "zephyrine.pdf"),
        full,
        DiskFull(),
        Odd(),
        OSError("Zephyrine"),
    ):
        try:
            raise RuntimeError from error
        except RuntimeError:
            get_logger("x").exception("not stored")

    assert [line["codes"] for line in lines_of(stream)] == [["ENOSPC"], ["SQLITE_FULL"], ["53100"], [], []]
    assert "ephyrine" not in stream.getvalue()


def test_another_packages_line_is_reduced_to_where_it_came_from(stream: io.StringIO) -> None:
    logging.getLogger("werkzeug").warning("GET /?name=%s", "Zephyrine")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("about Zephyrine", UserWarning, stacklevel=1)
    try:
        int("Zephyrine")
    except ValueError:
        logging.getLogger("somewhere").exception("Zephyrine")

    assert [(line["logger"], line["event"]) for line in lines_of(stream)] == [
        ("werkzeug", "line of a library"),
        ("py.warnings", "line of a library"),
        ("somewhere", "line of a library"),
    ]
    assert "Zephyrine" not in stream.getvalue()


def test_the_servers_own_lines_pass(stream: io.StringIO) -> None:
    logging.getLogger("granian").info("Listening at: http://127.0.0.1:8000")

    assert lines_of(stream)[0]["event"] == "Listening at: http://127.0.0.1:8000"


def test_a_line_that_cannot_be_put_together_is_lost_rather_than_printed(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("somewhere").warning("%d", "Zephyrine")

    assert "Zephyrine" not in capsys.readouterr().err
    assert "Zephyrine" not in stream.getvalue()


def test_the_level_is_obeyed(stream: io.StringIO) -> None:
    get_logger("x").debug("too fine")

    assert stream.getvalue() == ""
