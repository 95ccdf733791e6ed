"""`transfer-service demo` makes a whole installation, each time from nothing, and touches nothing else."""

import json
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pypdf
import pytest

from tests.demonstration import Demonstration, code_of, copy_of, prepared_demonstration
from tests.html import StrictClient, text_of
from tests.shell import client_of
from transfer_service.app import create_app
from transfer_service.cli.root import run
from transfer_service.demo.moves import MOVES
from transfer_service.demo.papers import make_pdf, make_picture
from transfer_service.demo.preparing import DATA
from transfer_service.domain.identifiers import judge_upn
from transfer_service.web.current import EXTENSION


@pytest.fixture
def demonstration(run_folder: Path, tmp_path: Path) -> Demonstration:
    return copy_of(prepared_demonstration(run_folder), tmp_path)


def rows(demonstration: Demonstration, query: str) -> list[tuple]:
    connection = sqlite3.connect(demonstration.folder / "transfer.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def client(demonstration: Demonstration):
    app = create_app(demonstration.settings())
    yield client_of(app)
    app.extensions[EXTENSION].database.dispose()


def test_the_answer_for_programs_has_everybody_with_all_that_signing_in_takes(demonstration):
    assert demonstration.answer["base_url"] == "http://localhost:8000"
    assert Path(demonstration.answer["policy"]).read_text().count("\nlog demo/log+") == 1
    people = demonstration.answer["people"]
    assert len(people) == 25
    assert {one["role"] for one in people} == {
        "administrator",
        "head_of_service",
        "authority_officer",
        "designated_safeguarding_lead",
        "deputy_dsl",
        "head_teacher",
        "school_office",
    }
    harriet = demonstration.person("harriet.osborne@")
    assert harriet["organisation"] == "Nursery Hill Primary School, Nuneaton"
    assert len(code_of(harriet)) == 6
    assert len({one["totp_secret"] for one in people}) == 25


def test_there_is_a_file_in_every_state_and_every_kind_of_late(demonstration):
    found = dict(rows(demonstration, "SELECT status, count(*) FROM dispatch GROUP BY status"))
    assert found == {
        "acknowledged": 10,
        "draft": 3,
        "opened": 1,
        "rejected": 3,
        "sent": 5,
        "waiting": 3,
        "withdrawn": 1,
    }
    assert rows(demonstration, "SELECT count(*) FROM dispatch WHERE kind = 'nil'") == [(2,)]
    assert rows(demonstration, "SELECT count(*) FROM dispatch WHERE previous_id IS NOT NULL") == [(1,)]
    assert rows(demonstration, "SELECT count(*) FROM breach") == [(1,)]
    assert rows(demonstration, "SELECT count(*) FROM alert WHERE state != 'sent'") == [(0,)]


def school_days_of_late() -> int:
    """How many of the last twenty days are in a term of Warwickshire, as the demonstration knows it."""
    terms = json.loads((DATA / "terms.json").read_text(encoding="utf-8"))["937"]["terms"]
    days = [datetime.now(UTC).date() - timedelta(days=count) for count in range(1, 21)]
    return sum(
        day.weekday() < 5 and any(one["starts_on"] <= day.isoformat() <= one["ends_on"] for one in terms)
        for day in days
    )


def test_reminders_went_out_while_the_weeks_went_by(demonstration):
    if school_days_of_late() < 10:
        pytest.skip("it is a school holiday of late: nothing falls due, and nobody is reminded")
    kinds = {kind for (kind,) in rows(demonstration, "SELECT DISTINCT kind FROM alert")}
    assert {"reminder.unopened", "reminder.unacknowledged", "draft.overdue", "checkpoint.weekly"} <= kinds
    assert demonstration.mails("naomi.fletcher@school-137771.example")


def test_its_log_holds(demonstration, monkeypatch, capsys):
    for name, text in demonstration.environ.items():
        monkeypatch.setenv(name, text)
    assert run(["audit", "verify", "--policy", demonstration.answer["policy"]]) == 0
    assert "as committed" in capsys.readouterr().out


def test_no_name_of_a_pupil_and_no_word_of_a_note_is_in_its_files_in_clear(demonstration):
    held = b"".join(
        path.read_bytes() for path in demonstration.folder.rglob("*") if path.is_file() and path.name != "answer.json"
    )
    for move in MOVES:
        assert move.surname.encode() not in held, move.number
        assert str(move.pupil.upn).encode() not in held
    for word in (b"grandmother", b"adrenaline", b"Review meeting"):
        assert word not in held


def test_every_made_up_pupil_has_a_number_of_the_right_shape():
    for move in MOVES:
        if move.has_upn:
            verdict = judge_upn(move.pupil.upn)
            assert verdict.is_usable
            assert verdict.warnings == ()


def test_a_folder_of_something_else_is_not_touched(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert run(["demo", "--directory", str(tmp_path), "--no-serve"]) == 3
    assert "nothing in it is touched" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_port_in_use_is_said_before_anything_is_made(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["demo", "--directory", str(tmp_path / "demo"), "--port", str(port)]) == 3
    assert f"port {port}" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_the_page_of_sign_ins_shows_the_codes_of_now(client: StrictClient, demonstration):
    page = text_of(client.page("/demo"))
    assert "harriet.osborne@school-125500.example" in page
    codes = client.get("/demo/codes").json
    shown = codes["codes"]["harriet.osborne@school-125500.example"]
    secret = demonstration.person("harriet.osborne@")
    assert shown == code_of(secret) or codes["seconds"] in {1, 30}
    assert 1 <= codes["seconds"] <= 30


def test_the_page_of_alerts_shows_each_mail_and_those_to_one_address(client: StrictClient, demonstration):
    everybody = client.page("/demo/alerts")
    assert "The newest 50 of" in text_of(everybody)
    naomi = client.page("/demo/alerts?to=naomi.fletcher@school-137771.example")
    assert "harriet.osborne" not in text_of(naomi, "table")
    newest = demonstration.mails("naomi.fletcher@school-137771.example")[0]
    one = client.page(f"/demo/alerts/{newest.name}")
    assert newest.subject in text_of(one, "h1")
    client.page("/demo/alerts/nothing", status=404)
    assert "There is no email to this address yet" in text_of(client.page("/demo/alerts?to=nobody@example.org"))


def test_every_page_says_that_it_is_a_demonstration_and_leads_to_the_sign_ins(client: StrictClient):
    page = client.page("/privacy")
    assert "This is a demonstration" in text_of(page)
    assert "/demo" in [link.get("href") for link in page.iter("a")]


def test_its_settings_serve_only_a_demonstration(demonstration):
    environ = dict(demonstration.environ)
    del environ["TRANSFER_SERVICE_DEMO_DIRECTORY"]
    asked = subprocess.run(
        [sys.executable, "-m", "transfer_service", "serve"],
        env={**environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 2
    assert "DEPLOYMENT begins with demo" in asked.stderr


def test_the_papers_are_what_their_first_bytes_say():
    read = pypdf.PdfReader(BytesIO(make_pdf("Notes (one)", "of the meeting")))
    assert "Notes (one)" in read.pages[0].extract_text()
    assert make_picture().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_sign_ins_of_the_page_are_those_of_the_answer(demonstration):
    kept = json.loads((demonstration.folder / "sign-ins.json").read_text(encoding="utf-8"))
    assert [one["email"] for one in kept] == [one["email"] for one in demonstration.answer["people"]]
