"""Each request has an id, which its log lines, its refusals and its error page share; each answer is counted."""

from __future__ import annotations

import re
import time
from typing import Final

import structlog
from flask import Flask, g, request
from werkzeug.wrappers import Response

from transfer_service.web.current import current_services

HEADER: Final = "X-Request-ID"
SHAPE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
QUIET: Final = frozenset({"public.health", "public.ready", "public.metrics", "static_files.static"})
KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
log = structlog.stdlib.get_logger(__name__)


def register_request_context(app: Flask) -> None:
    """Begin every request with an id and end it with a line and a count. Register before every other hook."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _begin() -> None:
    services = current_services()
    g.started_at = time.perf_counter()
    # Only a proxy of ours may name the request: anybody else could make two requests look like one in the log.
    offered = request.headers.get(HEADER, "") if services.settings.trusts_proxies else ""
    g.request_id = offered if SHAPE.fullmatch(offered) else str(services.installation.new_id())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    services.metrics.in_hand.inc()
    g.counted = True


def _answered(response: Response) -> Response:
    metrics = current_services().metrics
    endpoint = request.endpoint or "none"
    method = request.method if request.method in KNOWN_METHODS else "OTHER"
    seconds = time.perf_counter() - g.started_at
    metrics.requests.labels(method, endpoint, str(response.status_code)).inc()
    metrics.seconds.labels(endpoint).observe(seconds)
    write = log.debug if endpoint in QUIET else log.info
    write(
        "request answered",
        method=method,
        endpoint=endpoint,
        status=response.status_code,
        duration_ms=round(seconds * 1000, 1),
    )
    response.headers[HEADER] = g.request_id
    return response


def _end(_error: BaseException | None) -> None:
    if g.pop("counted", False):
        current_services().metrics.in_hand.dec()
    structlog.contextvars.clear_contextvars()
