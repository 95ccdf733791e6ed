"""Every answer forbids the browser what these pages never need."""

from pathlib import Path

import pytest

from tests.html import StrictClient
from tests.shell import client_of, services_with, settings_in
from transfer_service.app import create_app


def client_in(folder: Path, **changes: str) -> StrictClient:
    settings = settings_in(folder, **changes)
    return client_of(create_app(settings, services_with(settings)))


@pytest.mark.parametrize("address", ["/privacy", "/nowhere", "/health", "/static/service.css"])
def test_the_policy_is_on_every_answer(tmp_path: Path, address: str) -> None:
    headers = client_in(tmp_path).get(address).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Server" not in headers or "Werkzeug" in headers["Server"]


def test_over_https_browsers_are_told_to_stay_there_and_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    response = client_in(tmp_path, BASE_URL="https://transfer.example.org", TRUSTED_PROXIES="1").post("/session/extend")

    assert response.headers["Strict-Transport-Security"] == "max-age=63072000"
    cookies = response.headers.getlist("Set-Cookie")
    assert all(cookie.startswith("__Host-form=") for cookie in cookies)
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_over_http_on_this_machine_they_are_not(tmp_path: Path) -> None:
    assert "Strict-Transport-Security" not in client_in(tmp_path).get("/privacy").headers


def test_pages_are_kept_by_nobody(tmp_path: Path) -> None:
    assert client_in(tmp_path).get("/privacy").headers["Cache-Control"] == "no-store"


def test_a_request_is_named_by_us(tmp_path: Path) -> None:
    named = client_in(tmp_path).get("/health", headers={"X-Request-ID": "chosen-by-the-caller"})

    assert named.headers["X-Request-ID"] != "chosen-by-the-caller"


def test_behind_a_proxy_of_ours_the_proxys_name_counts(tmp_path: Path) -> None:
    client = client_in(tmp_path, TRUSTED_PROXIES="1")

    assert client.get("/health", headers={"X-Request-ID": "from-the-proxy"}).headers["X-Request-ID"] == "from-the-proxy"
    strange = client.get("/health", headers={"X-Request-ID": "with spaces\tin it"})
    assert " " not in strange.headers["X-Request-ID"]
