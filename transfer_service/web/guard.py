"""Deny by default: one registry of who may reach which view, asked before every request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from flask import Flask, abort, current_app, g, request
from werkzeug.wrappers import Response

from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.permissions import check
from transfer_service.web.access import ATTRIBUTE, Access, Kind
from transfer_service.web.addresses import see_other, sign_in_address
from transfer_service.web.current import current_services
from transfer_service.web.sessions import signed_in

REGISTRY: Final = "transfer_service_access"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
ROOM_AROUND_AN_ATTACHMENT: Final = 64 * 1024


class UndeclaredView(RuntimeError):
    """A view does not say who may reach it; the application does not start."""


def register_guard(app: Flask) -> None:
    """Read every view's declaration into the registry and ask it before each request.

    Call it when all views are registered. Raises UndeclaredView, naming each view without a declaration.
    """
    declared: dict[str, Access] = {}
    silent: list[str] = []
    for endpoint, access in _declarations(app):
        if access is None:
            silent.append(endpoint)
        else:
            declared[endpoint] = access
    if silent:
        raise UndeclaredView(
            f"these views do not say who may reach them: {', '.join(sorted(silent))}. "
            "Declare each with transfer_service.web.access."
        )
    app.extensions[REGISTRY] = MappingProxyType(declared)
    app.before_request(_guard)


def access_registry(app: Flask) -> Mapping[str, Access]:
    """Every endpoint with its declaration, for the guard and for the test that enumerates them."""
    registry: Mapping[str, Access] = app.extensions[REGISTRY]
    return registry


def current_access(app: Flask) -> Access | None:
    """The declaration of the view that this request reaches, or None where it reaches none."""
    return access_registry(app)[request.endpoint] if request.endpoint is not None else None


def _declarations(app: Flask) -> Iterator[tuple[str, Access | None]]:
    for endpoint, view in app.view_functions.items():
        view_class = getattr(view, "view_class", None)
        yield endpoint, getattr(view, ATTRIBUTE, None) or getattr(view_class, ATTRIBUTE, None)


def _guard() -> Response | None:
    g.actor = None
    if request.endpoint is None:
        return None  # no such address or no such method: the router's own answer follows
    if _has_nul(request.path) or any(_has_nul(text) for pair in request.args.items(multi=True) for text in pair):
        abort(HTTPStatus.BAD_REQUEST)  # no page of ours asks with one, and PostgreSQL takes none in a text
    access = access_registry(current_app)[request.endpoint]
    if access.streamed:
        request.max_content_length = current_services().settings.max_attachment_bytes + ROOM_AROUND_AN_ATTACHMENT
    if access.kind is Kind.PUBLIC:
        return None
    if (answer := _identify_person()) is not None:
        return answer
    if access.permission is not None:
        check(g.actor, access.permission)
    return None


def _has_nul(text: str) -> bool:
    return "\x00" in text


def _identify_person() -> Response | None:
    person = signed_in()
    if person is not None:
        g.actor = person.actor
        return None
    if request.method not in SAFE_METHODS:
        raise SessionEnded  # its page keeps what was typed
    return see_other(sign_in_address(request))
