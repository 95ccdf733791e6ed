"""The C2SP tlog-witness endpoint: POST /add-checkpoint, on the standard library's server.

Put it behind a proxy that ends TLS. Source: https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import structlog

from transfer_service.audit.errors import LogError, NoteMalformed, NoteNotTrusted
from transfer_service.audit.witness import (
    REQUEST_LIMIT,
    NotTheSameLog,
    OutOfStep,
    UnknownLog,
    Witness,
    parse_request,
)

TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"
SLOWEST_SECONDS: Final = 20
LONGEST_NUMBER: Final = 10
"""Digits of a length that are read at all."""

_log = structlog.stdlib.get_logger(__name__)


def make_server(witness: Witness, *, host: str, port: int, now: Callable[[], datetime]) -> ThreadingHTTPServer:
    """Make the server of one witness; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        server_version = "transfer-service-witness"
        sys_version = ""
        timeout = SLOWEST_SECONDS

        def do_POST(self) -> None:
            if self.path.rstrip("/") != "/add-checkpoint":
                self._answer(HTTPStatus.NOT_FOUND, b"This witness answers at /add-checkpoint alone.\n")
                return
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()):
                self._answer(HTTPStatus.LENGTH_REQUIRED, b"Say how long the request is.\n")
            elif len(length) > LONGEST_NUMBER or int(length) > REQUEST_LIMIT:
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"The request is too long.\n")
            else:
                self._answer(*judge(witness, self.rfile.read(int(length)), now=now()))

        def do_GET(self) -> None:
            self._answer(HTTPStatus.OK, f"{witness.name}\n".encode())

        def _answer(self, status: HTTPStatus, body: bytes, kind: str = TEXT) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del size
            _log.info("witness answered", status=int(code))

        def log_error(self, *_: object) -> None:
            _log.warning("witness could not answer")

    return ThreadingHTTPServer((host, port), Handler)


def judge(witness: Witness, body: bytes, *, now: datetime) -> tuple[HTTPStatus, bytes, str]:
    """Answer one `add-checkpoint`: the status, the body and its type, as the specification gives them."""
    try:
        signature = witness.add_checkpoint(parse_request(body), now=now)
    except UnknownLog as refusal:
        return _refusal(HTTPStatus.NOT_FOUND, refusal)
    except NoteNotTrusted as refusal:
        return _refusal(HTTPStatus.FORBIDDEN, refusal)
    except OutOfStep as refusal:
        return HTTPStatus.CONFLICT, f"{refusal.size}\n".encode(), SIZE
    except NotTheSameLog as refusal:
        if refusal.old == refusal.new:
            return HTTPStatus.CONFLICT, f"{refusal.old}\n".encode(), SIZE
        return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, refusal)
    except NoteMalformed as refusal:
        return _refusal(HTTPStatus.BAD_REQUEST, refusal)
    return HTTPStatus.OK, signature.line(), TEXT


def serve_witness(
    witness: Witness, *, host: str, port: int, now: Callable[[], datetime], ready: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or Ctrl-C; `ready` is told the address."""
    server = make_server(witness, host=host, port=port, now=now)

    def stop(*_: object) -> None:
        # From another thread: the loop cannot end while it waits for this very call.
        threading.Thread(target=server.shutdown).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    ready(f"The witness {witness.name} listens at http://{host}:{server.server_port}")
    try:
        server.serve_forever()
    finally:
        server.server_close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _refusal(status: HTTPStatus, refusal: LogError) -> tuple[HTTPStatus, bytes, str]:
    return status, refusal.sentence.encode() + b"\n", TEXT
