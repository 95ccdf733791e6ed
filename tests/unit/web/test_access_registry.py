"""A view that does not say who may reach it stops the application from starting; every other lets in whom it says."""

from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from werkzeug.routing import Rule

from tests.shell import client_of, services_with, settings_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.web.access import Kind
from transfer_service.web.guard import UndeclaredView, access_registry

SAMPLES = {"IntegerConverter": 1, "UUIDConverter": "01990000-0000-7000-8000-000000000001"}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    settings = settings_in(tmp_path)
    return create_app(settings, services_with(settings))


def address_of(app: Flask, rule: Rule) -> str:
    values: dict[str, Any] = {
        name: SAMPLES.get(type(converter).__name__) or min(getattr(converter, "items", ["x"]))
        for name, converter in rule._converters.items()
    }
    with app.test_request_context():
        return app.url_map.bind("localhost").build(rule.endpoint, values)


def test_a_view_without_a_declaration_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Blueprint("silent", __name__)
    silent.add_url_rule("/silent", endpoint="page", view_func=lambda: "here")
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, silent))
    settings = settings_in(tmp_path)

    with pytest.raises(UndeclaredView, match=r"do not say who may reach them: silent\.page\. Declare each"):
        create_app(settings, services_with(settings))


def test_every_endpoint_is_in_the_registry(app: Flask) -> None:
    assert set(access_registry(app)) == {rule.endpoint for rule in app.url_map.iter_rules()}


def test_every_public_view_says_why(app: Flask) -> None:
    for endpoint, access in access_registry(app).items():
        if access.kind is Kind.PUBLIC:
            assert len(access.why.split()) >= 4, endpoint


def test_every_other_view_turns_away_who_is_not_signed_in(app: Flask) -> None:
    client = client_of(app)
    turned_away = 0
    for rule in app.url_map.iter_rules():
        access = access_registry(app)[rule.endpoint]
        if access.kind is Kind.PUBLIC:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            response = client.open(address_of(app, rule), method=method)
            if access.kind is Kind.SIGNED_IN and method == "GET":
                assert response.status_code == 303, rule
                assert response.headers["Location"].startswith("/sign-in"), rule
            else:
                assert response.status_code == 401, (rule, method)
            turned_away += 1
    assert turned_away >= 1
