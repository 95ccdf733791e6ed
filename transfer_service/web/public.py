"""Pages and answers for everybody: is the service alive, ready and well; how it treats people and their data."""

from __future__ import annotations

import hmac
import ipaddress
from http import HTTPStatus

import structlog
from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request

from transfer_service.web import access
from transfer_service.web.current import current_services
from transfer_service.web.sessions import cookie_name, known_browser_cookie, trusted_device_cookie

blueprint = Blueprint("public", __name__)
log = structlog.stdlib.get_logger(__name__)


@blueprint.get("/health")
@access.public("a supervisor asks whether the process lives; the answer says nothing else")
def health() -> Response:
    """Say that the process answers; it asks nothing of the database, which a restart would not mend."""
    return jsonify(status="alive")


@blueprint.get("/ready")
@access.public("a load balancer asks whether to send requests here; the answer names parts, not data")
def ready() -> tuple[Response, int]:
    """Say whether every part that requests need answers; 503 where one does not."""
    parts: dict[str, str] = {}
    for name, check in current_services().readiness.items():
        try:
            check()
        except Exception:
            log.warning("part not ready", setting=name, exc_info=True)
            parts[name] = "not answering"
        else:
            parts[name] = "ready"
    well = all(state == "ready" for state in parts.values())
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return jsonify(status="ready" if well else "not ready", parts=parts), status


@blueprint.get("/metrics")
@access.public("asks for the metrics token itself, or answers this machine alone")
def metrics() -> Response:
    """Write the counters for Prometheus: to this machine, or to whoever shows the metrics token."""
    if not _may_read_metrics():
        abort(HTTPStatus.NOT_FOUND)
    counters = current_services().metrics
    return Response(counters.render(), content_type=counters.content_type)


@blueprint.get("/accessibility")
@access.public("a statement that the law asks for")
def accessibility() -> str:
    """Say how accessible the pages are and whom to tell where they are not."""
    return render_template("public/accessibility.html")


@blueprint.get("/privacy")
@access.public("people must be able to read how their data is treated before they give any")
def privacy() -> str:
    """Say who can read what, what is recorded and for how long."""
    return render_template("public/privacy.html")


@blueprint.get("/cookies")
@access.public("as the page on privacy")
def cookies() -> str:
    """Name every cookie, what it is for and how long it stays."""
    is_https = current_services().settings.is_https
    return render_template(
        "public/cookies.html",
        session_cookie=cookie_name(is_https=is_https),
        form_cookie=current_app.config["SESSION_COOKIE_NAME"],
        known_cookie=known_browser_cookie(is_https=is_https),
        trusted_cookie=trusted_device_cookie(is_https=is_https),
    )


def _may_read_metrics() -> bool:
    expected = current_services().settings.metrics_token
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if expected is not None and scheme.lower() == "bearer":
        return hmac.compare_digest(shown.strip().encode(), expected.encode())
    # A proxy on this machine makes every visitor look local; what it adds to a request gives it away.
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"))
    return not forwarded and ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104
