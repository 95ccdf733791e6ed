"""A form that was sent after the session had ended: nothing was done, nothing is lost, only its author sees it."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy import text

from tests.cast import Cast, Service
from transfer_service.domain.roles import Role
from transfer_service.use_cases.people.accepting import accept_another_invitation
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.listing import list_people
from transfer_service.web.access import Kind
from transfer_service.web.guard import access_registry

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
    assert '<dd class="govuk-summary-list__value app-kept-lines">Deputy designated safeguarding lead</dd>' in shown.text
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


def test_every_form_of_the_service_is_kept_when_it_comes_too_late(browser: Any, cast: Cast, service: Service) -> None:
    """By the application's own list of addresses, so that a page of tomorrow cannot be forgotten."""
    browser.resume(cast.alma)
    app = browser.client.application
    service.clock.move(minutes=31)
    kept, shown = set(), set()
    for rule in app.url_map.iter_rules():
        access = access_registry(app)[rule.endpoint]
        if "POST" not in (rule.methods or ()) or access.kind is not Kind.SIGNED_IN or access.streamed:
            continue
        given = {
            name: str(UUID(int=7)) if type(way).__name__ == "UUIDConverter" else "125580"
            for name, way in rule._converters.items()
        }
        with app.test_request_context():
            address = url_for(rule.endpoint, **given)
        late = browser.client.post(
            address, data={"why": f"typed for {rule.rule}"}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert late.status_code == 401, rule
        if "is kept, sealed, for an hour" in late.text:
            kept.add(rule.rule)
        else:
            assert f'value="typed for {rule.rule.replace("<", "&lt;").replace(">", "&gt;")}"' in late.text, rule
            shown.add(rule.rule)
    assert len(kept) == 5, "more than five at once are kept on the pages themselves"
    assert len(shown) > 50


def test_of_several_late_forms_each_is_shown_in_its_turn(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    service.clock.move(minutes=31)
    for name in ("First Name", "Second Name"):
        service.clock.move(seconds=1)
        browser.client.post("/account/name", data={"name": name}, headers={"Sec-Fetch-Site": "same-origin"})
    newest = browser.follow(browser.sign_in(cast.alma))
    assert "Second Name" in newest.text
    assert "First Name" not in newest.text
    (another,) = re.findall(r'href="(/held-form/[^"]+)"', newest.text)
    older = browser.page(another)
    assert "First Name" in older
    assert "You typed something else" not in older


def test_what_was_typed_for_one_school_is_not_sent_for_another(browser: Any, cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        link = invite_person(
            session, service.at, None, email=cast.edie.email, role=Role.SCHOOL_OFFICE, school_id=cast.receiving
        ).token
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, cast.edie.actor, token=link)
    browser.resume(cast.edie)
    browser.post("/choose-place", {"place": str(cast.sending)})
    service.clock.move(minutes=31)
    late = browser.client.post(
        "/calendar", data={"note": "flood in the hall"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert "is kept, sealed, for an hour" in late.text
    browser.follow(browser.sign_in(cast.edie))
    browser.client.post(
        "/choose-place", data={"place": str(cast.receiving), "csrf_token": browser.client.token("/choose-place")}
    )
    with service.database.reading() as session:
        form_id = session.execute(text("SELECT id FROM held_form WHERE path LIKE '/%'")).scalar_one()

    elsewhere = browser.page(f"/held-form/{UUID(bytes=form_id) if isinstance(form_id, bytes) else form_id}")
    assert "flood in the hall" in elsewhere
    assert "You typed this for Alderford Primary School." in elsewhere
    assert 'action="/calendar"' not in elsewhere

    back = browser.post("/choose-place", {"place": str(cast.sending)})
    browser.follow(back)
    here = browser.page(f"/held-form/{UUID(bytes=form_id) if isinstance(form_id, bytes) else form_id}")
    assert 'action="/calendar"' in here


def test_the_files_that_were_chosen_are_named_when_an_upload_comes_too_late(
    browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.alma)
    service.clock.move(minutes=31)

    def upload(**headers: str) -> Any:
        files = [(BytesIO(b"%PDF-1.7 " + b"x" * 200_000), "Plan <1>.pdf"), (BytesIO(b"%PDF-1.7"), "Zoë.pdf")]
        return browser.client.post("/transfers/PT-7F3K-92Q4/attachments", data={"files": files}, headers=headers)

    late = upload(**{"Sec-Fetch-Site": "same-origin"})
    assert late.status_code == 401
    assert "These files were not kept. Choose them again when you have signed in:" in late.text
    assert "<li>Plan &lt;1&gt;.pdf</li>" in late.text
    assert "<li>Zoë.pdf</li>" in late.text
    assert "Zoë" not in upload(**{"Sec-Fetch-Site": "cross-site"}).text
    browser.client.delete_cookie("session")
    assert "Zoë" not in upload(**{"Sec-Fetch-Site": "same-origin"}).text
