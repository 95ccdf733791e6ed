"""The frame says where people are, who they are, and when their session ends."""

from datetime import timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

from tests.html import StrictClient, text_of
from tests.shell import NOW, client_of, person, services_with, settings_in, sign_in
from transfer_service.app import create_app
from transfer_service.web.people import SignedIn


def client_in(folder: Path, who: SignedIn | None = None, **changes: str) -> StrictClient:
    settings = settings_in(folder, **changes)
    client = client_of(create_app(settings, services_with(settings, find_session=lambda token, request_id: who)))
    if who is not None:
        sign_in(client)
    return client


def dialog_of(page: Element) -> Element | None:
    return next(page.iter("dialog"), None)


def test_a_visitor_sees_the_name_of_the_service_and_the_statements(tmp_path: Path) -> None:
    page = client_in(tmp_path).page("/privacy")

    assert text_of(page, "header") == "Pupil file transfer"
    links = [one.text for one in next(page.iter("footer")).iter("a")]
    assert links == ["Check a receipt", "Accessibility", "Privacy", "Cookies"]
    assert dialog_of(page) is None
    assert next(page.iter("a")).get("href") == "#main-content"


def test_the_crown_and_the_reserved_typeface_are_nowhere(tmp_path: Path) -> None:
    markup = client_in(tmp_path).get("/privacy").text

    assert "crown" not in markup.lower()
    assert "govuk-logo" not in markup


def test_a_person_sees_who_they_are_and_for_which_school(tmp_path: Path) -> None:
    page = client_in(tmp_path, person(can_switch=True)).page("/privacy")

    header = text_of(page, "header")
    assert "Signed in as Ada Example , Designated safeguarding lead, Oak Lane Primary School (Rugby" in header
    assert "Act for another school" in header
    signing_out = next(one for one in page.iter("form") if one.get("action") == "/sign-out")
    assert signing_out.get("method") == "post"


def test_the_warning_knows_how_long_the_session_lives(tmp_path: Path) -> None:
    idle = dialog_of(client_in(tmp_path, person()).page("/privacy"))
    last = dialog_of(client_in(tmp_path, person(ends_at=NOW + timedelta(minutes=2))).page("/privacy"))

    assert idle is not None
    assert idle.get("data-seconds-left") == "1800"
    assert last is not None
    assert last.get("data-seconds-left") == "120"


def test_staying_signed_in_tells_how_long_the_session_lives_now(tmp_path: Path) -> None:
    client = client_in(tmp_path, person())
    headers = {"X-CSRF-Token": client.token(), "Accept": "application/json"}

    assert client.post("/session/extend", headers=headers).json == {"seconds_left": 1800}


def test_staying_signed_in_after_the_end_is_told_in_json(tmp_path: Path) -> None:
    response = client_in(tmp_path).post("/session/extend", headers={"Accept": "application/json"})

    assert (response.status_code, response.mimetype) == (401, "application/problem+json")


def test_a_demonstration_says_that_it_is_one(tmp_path: Path) -> None:
    page = client_in(tmp_path, DEPLOYMENT="demo-shell", DEMO_DIRECTORY=str(tmp_path)).page("/privacy")

    assert "This is a demonstration." in text_of(page, "body")
    assert "This is a demonstration." not in text_of(client_in(tmp_path).page("/privacy"), "body")
