"""A form that was sent after the session had ended: nothing was done, nothing is lost, only its author sees it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from tests.cast import Cast, Service
from transfer_service.use_cases.people.listing import list_people

TYPED = {"email": "carefully.typed@example.org", "role": "deputy_dsl"}


def send_too_late(browser: Any, cast: Cast, service: Service) -> Any:
    """Alma fills in a form, is called away, and presses the button after her session has ended."""
    browser.resume(cast.alma)
    token = browser.client.token("/people/invite")
    service.clock.move(minutes=31)
    return browser.client.post(
        "/people/invite", data={**TYPED, "csrf_token": token}, headers={"Sec-Fetch-Site": "same-origin"}
    )


def addresses(service: Service, cast: Cast) -> set[str]:
    with service.database.reading() as session:
        return {one.email for one in list_people(session, cast.alma.actor).colleagues}


def test_a_late_form_comes_back_after_signing_in_and_is_sent_then(browser: Any, cast: Cast, service: Service) -> None:
    late = send_too_late(browser, cast, service)
    assert late.status_code == 401
    assert "is kept, sealed, for an hour" in late.text
    assert TYPED["email"] not in addresses(service, cast)

    shown = browser.follow(browser.sign_in(cast.alma))
    assert TYPED["email"] in shown.text
    assert 'action="/people/invite"' in shown.text
    assert TYPED["email"] not in addresses(service, cast)
    sent = browser.post("/people/invite", TYPED)

    assert sent.headers["Location"] == "/people"
    assert TYPED["email"] in addresses(service, cast)


def test_the_kept_form_is_not_readable_in_the_database(browser: Any, cast: Cast, service: Service) -> None:
    send_too_late(browser, cast, service)

    with service.database.reading() as session:
        kept = session.execute(text("SELECT path, ciphertext FROM held_form WHERE path LIKE '/%'")).all()
    assert len(kept) == 1
    assert b"carefully" not in bytes(kept[0][1])
    assert kept[0][0] == "/people/invite"


def test_somebody_else_who_signs_in_does_not_see_it(browser: Any, cast: Cast, service: Service) -> None:
    send_too_late(browser, cast, service)
    with service.database.reading() as session:
        form_id = session.execute(text("SELECT id FROM held_form WHERE path LIKE '/%'")).scalar_one()

    arrived = browser.follow(browser.sign_in(cast.ben))

    assert TYPED["email"] not in arrived.text
    assert browser.client.get(f"/held-form/{form_id}").status_code == 404


def test_it_is_gone_after_an_hour(browser: Any, cast: Cast, service: Service) -> None:
    send_too_late(browser, cast, service)
    service.clock.move(minutes=61)

    assert TYPED["email"] not in browser.follow(browser.sign_in(cast.alma)).text


def test_it_is_shown_once_by_itself(browser: Any, cast: Cast, service: Service) -> None:
    send_too_late(browser, cast, service)
    browser.follow(browser.sign_in(cast.alma))

    assert browser.client.get("/arrive").headers["Location"] == "/"
    assert browser.client.get("/held-form").headers["Location"] == "/"
