"""Health, readiness and counters for machines; accessibility, privacy and cookies for people."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.database import Database as Prepared
from tests.html import StrictClient, text_of
from tests.shell import client_of, services_with, settings_in
from transfer_service.app import create_app

TOKEN = "0123456789abcdef0123456789abcdefXY"


def client_in(folder: Path, services: dict[str, Any] | None = None, **changes: str) -> StrictClient:
    settings = settings_in(folder, **changes)
    return client_of(create_app(settings, services_with(settings, **(services or {}))))


def test_a_process_that_answers_is_alive(tmp_path: Path) -> None:
    assert client_in(tmp_path).get("/health").json == {"status": "alive"}


def test_the_service_is_ready_when_database_and_store_answer(tmp_path: Path, database: Prepared) -> None:
    response = client_in(tmp_path, DATABASE_URL=database.url).get("/ready")

    assert response.status_code == 200
    assert response.json == {"status": "ready", "parts": {"database": "ready", "storage": "ready"}}


def test_the_service_is_not_ready_when_a_part_does_not_answer(tmp_path: Path) -> None:
    response = client_in(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing").get("/ready")

    assert response.status_code == 503
    assert response.json == {"status": "not ready", "parts": {"database": "not answering", "storage": "ready"}}


def test_this_machine_reads_the_counters(tmp_path: Path) -> None:
    client = client_in(tmp_path)
    client.get("/privacy")
    client.get("/nowhere/for/anybody")

    counters = client.get("/metrics").text

    process = os.getpid()
    for labels in (
        'endpoint="public.privacy",method="GET",{}status="200"',
        'endpoint="none",method="GET",{}status="404"',
    ):
        shown = labels.format(f'process="{process}",')
        assert f"transfer_service_requests_total{{{shown}}} 1.0" in counters
    assert f'process_open_fds{{process="{process}"}}' in counters
    assert "anybody" not in counters


def test_each_process_counts_for_itself_however_often_it_is_asked(tmp_path: Path) -> None:
    client = client_in(tmp_path)
    for _ in range(2):
        lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
        assert all(line.count("process=") == 1 for line in lines)


@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        ({"REMOTE_ADDR": "192.0.2.7"}, {}),
        ({"REMOTE_ADDR": "127.0.0.1"}, {"X-Forwarded-For": "192.0.2.7"}),
        ({"REMOTE_ADDR": "192.0.2.7"}, {"Authorization": "Bearer wrong"}),
        ({"REMOTE_ADDR": "127.0.0.1"}, {"Authorization": "Bearer wrong"}),
    ],
)
def test_others_do_not(tmp_path: Path, environ: dict[str, str], headers: dict[str, str]) -> None:
    client = client_in(tmp_path, METRICS_TOKEN=TOKEN)

    assert client.get("/metrics", environ_overrides=environ, headers=headers).status_code == 404


def test_others_do_with_the_token(tmp_path: Path) -> None:
    client = client_in(tmp_path, METRICS_TOKEN=TOKEN)

    response = client.get(
        "/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}, headers={"Authorization": f"Bearer {TOKEN}"}
    )

    assert response.status_code == 200


def test_behind_a_proxy_of_ours_the_visitors_own_address_counts(tmp_path: Path) -> None:
    client = client_in(tmp_path, TRUSTED_PROXIES="1")

    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 404


@pytest.mark.parametrize(
    ("address", "title"),
    [("/accessibility", "Accessibility statement"), ("/privacy", "Privacy"), ("/cookies", "Cookies")],
)
def test_everybody_can_read_the_statements(tmp_path: Path, address: str, title: str) -> None:
    page = client_in(tmp_path).page(address)

    assert text_of(page, "h1") == title
    assert next(page.iter("title")).text == f"{title} – Pupil file transfer"


def test_the_cookies_are_named_as_they_are(tmp_path: Path) -> None:
    assert [one.text for one in client_in(tmp_path).page("/cookies").iter("code")] == [
        "session",
        "form",
        "known",
        "trusted",
    ]
    client = client_in(tmp_path, BASE_URL="https://transfer.example.org", TRUSTED_PROXIES="1")
    assert [one.text for one in client.page("/cookies").iter("code")] == [
        "__Host-session",
        "__Host-form",
        "__Host-known",
        "__Host-trusted",
    ]
