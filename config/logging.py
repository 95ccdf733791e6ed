"""Structured logs on standard error, from which personal data is kept by an allow-list of keys.

A line holds an event in plain small words, keys of `ALLOWED_KEYS` with short plain values, and nothing else: what is
not allowed is dropped and counted in `dropped`. An exception is its type, its code and our own frames, never its text,
which may quote what somebody typed. Other packages' lines are reduced to where they came from, except those of
`TRUSTED_LOGGERS`, which see no request.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO
from uuid import UUID

import structlog

ALLOWED_KEYS: Final = frozenset(
    {
        # put there by structlog and by this module
        "event", "level", "logger", "timestamp", "dropped", "error", "caused_by", "codes", "frames", "function", "line",
        # a request
        "request_id", "method", "endpoint", "status", "duration_ms", "bytes",
        # work
        "job", "alert_id", "attempt", "outcome", "count", "created", "changed", "closed", "refused", "seconds",
        "size", "index", "permission", "reason", "session_id", "person_id", "organisation_id", "dispatch_id",
        "transfer_id", "item_id", "setting", "address", "port", "workers", "threads", "version",
    }
)  # fmt: skip
TRUSTED_LOGGERS: Final = ("alembic", "granian", "_granian")
OUR_PACKAGES: Final = ("transfer_service", "schemas", "migrations", "config")
LONGEST_VALUE: Final = 200
MOST_FRAMES: Final = 30

# Small words without capitals or digits: a name, a UPN or a sentence somebody wrote does not fit.
EVENT_SHAPE: Final = re.compile(r"[a-z][a-z_.,]*(?: [a-z][a-z_.,'-]*){0,14}")
TEXT_SHAPE: Final = re.compile(r"[A-Za-z0-9_.:/<>+-]{1,200}")
CODE_SHAPE: Final = re.compile(r"SQLITE_[A-Z_]{1,40}|[0-9A-Z]{5}")
UNSHAPED: Final = "event withheld"

EventDict = MutableMapping[str, Any]


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line, ours and other packages', to `stream` (standard error) as one JSON object a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars, reduce_foreign],
            processors=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                describe_exception,
                keep_allowed,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
            keep_exc_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # That a migration was looked for is of no interest; that one was run is said by the command.
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    # Else a line whose arguments do not fit its text is printed with those arguments, past every filter above.
    logging.raiseExceptions = False


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module: `get_logger(__name__)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def reduce_foreign(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Keep of another package's line only where it came from, unless that package sees no request."""
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    if not record.name.startswith(TRUSTED_LOGGERS):
        event["event"] = "line of a library"
        event["function"] = record.funcName
        event["line"] = record.lineno
    return event


def describe_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type, the types that caused it, and the frames in our own packages."""
    info = event.pop("exc_info", None)
    error = _exception_of(info)
    if error is not None:
        event["error"] = _type_name(error)
        causes = _causes(error)
        event["caused_by"] = [_type_name(cause) for cause in causes]
        event["codes"] = [code for one in (error, *causes) if (code := _code_of(one)) is not None]
        event["frames"] = our_frames(error)
    return event


def keep_allowed(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Drop every key that is not allowed and every value that is not short and plain, and count them."""
    record: logging.LogRecord | None = event.pop("_record", None)
    event.pop("_from_structlog", None)
    foreign = record is not None and record.name.startswith(TRUSTED_LOGGERS)
    kept = {key: value for key, value in event.items() if key in ALLOWED_KEYS and _is_plain(value)}
    words = event.get("event")
    if foreign:
        kept["event"] = str(words)[:LONGEST_VALUE]
    else:
        kept["event"] = words if isinstance(words, str) and EVENT_SHAPE.fullmatch(words) else UNSHAPED
    dropped = len(event) - len([key for key in event if key in kept])
    if dropped:
        kept["dropped"] = dropped
    return {key: str(value) if isinstance(value, UUID) else value for key, value in kept.items()}


def our_frames(error: BaseException) -> list[str]:
    """List the frames of our own packages as `file:line function`, outermost first, without any value."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None and len(frames) < MOST_FRAMES:
        code = trace.tb_frame.f_code
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in OUR_PACKAGES:
            frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {module}.{code.co_name}")
        trace = trace.tb_next
    return frames


def _exception_of(info: object) -> BaseException | None:
    if info is True:
        return sys.exc_info()[1]
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple) and len(info) > 1 and isinstance(info[1], BaseException):
        return info[1]
    return None


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    current = error.__cause__ or error.__context__
    while current is not None and current not in causes:
        causes.append(current)
        current = current.__cause__ or current.__context__
    return causes


def _code_of(error: BaseException) -> str | None:
    """What the system or the database calls the trouble: such as ENOSPC, SQLITE_FULL or 53100 for a full disk.

    Each is a word of a fixed list, and says what an operator has to put right where the types alone do not.
    """
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0)
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return code if isinstance(code, str) and CODE_SHAPE.fullmatch(code) else None


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is_plain(value: object) -> bool:
    if value is None or isinstance(value, bool | int | float | UUID):
        return True
    if isinstance(value, list):
        return all(isinstance(part, str) and len(part) <= LONGEST_VALUE for part in value)
    return isinstance(value, str) and TEXT_SHAPE.fullmatch(value) is not None
