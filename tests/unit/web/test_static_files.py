"""Styles and scripts are named by their content, and nothing else is served."""

import gzip
import re

import pytest
from flask import Flask

from tests.shell import client_of
from transfer_service.web.static_files import blueprint, served_files


@pytest.fixture
def app() -> Flask:
    made = Flask("test", static_folder=None)
    made.register_blueprint(blueprint)
    return made


def test_the_address_with_its_version_may_be_kept_for_good(app: Flask) -> None:
    address = served_files().address("service.css")

    response = client_of(app).get(address)

    assert re.fullmatch(r"/static/service\.css\?v=[0-9a-f]{16}", address)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.content_type == "text/css; charset=utf-8"


def test_without_the_version_browsers_ask_each_time_and_are_told_nothing_changed(app: Flask) -> None:
    client = client_of(app)
    first = client.get("/static/app.js")

    second = client.get("/static/app.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "public, no-cache"
    assert first.content_type == "text/javascript; charset=utf-8"
    assert second.status_code == 304


def test_browsers_that_can_unpack_get_it_packed(app: Flask) -> None:
    client = client_of(app)
    plain = client.get("/static/govuk-frontend.min.css")
    packed = client.get("/static/govuk-frontend.min.css", headers={"Accept-Encoding": "gzip, br"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 4
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["absent.css", "../app.py", "..%2fapp.py", "%2e%2e/app.py", "vendor/x.js"])
def test_nothing_else_is_served(app: Flask, name: str) -> None:
    assert app.test_client().get(f"/static/{name}").status_code == 404


def test_the_reserved_typeface_is_not_asked_for(app: Flask) -> None:
    styles = client_of(app).get("/static/govuk-frontend.min.css").text

    assert "GDS Transport" not in styles
    assert "@font-face" not in styles


def test_a_module_names_the_version_of_what_it_imports(app: Flask) -> None:
    script = client_of(app).get("/static/app.js").text

    imported = re.findall(r'from "\./([^"]+)"', script)
    assert [f"/static/{one}" for one in imported] == [
        served_files().address(name) for name in ("govuk-frontend.min.js", "session-warning.js", "copy.js", "upload.js")
    ]
