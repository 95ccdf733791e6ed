"""Signing in takes a password and a code, leads where one wanted to go, and says the same to strangers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.cast import Cast, Member, Service
from tests.html import parse_page, text_of
from tests.integration.web.account.conftest import code_of, secret_on
from tests.observing import leaves
from transfer_service.db.models import SignInSession
from transfer_service.domain.roles import Role
from transfer_service.use_cases.people.inviting import invite_person


def test_password_and_code_lead_to_the_page_that_was_wanted(browser: Any, cast: Cast) -> None:
    asked = browser.client.get("/people")
    assert asked.headers["Location"] == "/sign-in?next=/people"

    done = browser.sign_in(cast.alma, address="/sign-in?next=/people")

    assert done.headers["Location"] == "/arrive?next=/people"
    assert "Alma Reyes" in browser.follow(done).text


def test_the_password_alone_opens_nothing(browser: Any, cast: Cast) -> None:
    assert browser.give_password(cast.alma).headers["Location"] == "/sign-in/code"

    assert browser.client.get("/people").headers["Location"] == "/sign-in?next=/people"
    assert browser.client.get("/account").status_code == 303


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(browser: Any, cast: Cast) -> None:
    wrong = browser.post("/sign-in", {"email": cast.alma.email, "password": "not this one at all"})
    unknown = browser.post("/sign-in", {"email": "nobody@example.org", "password": "not this one at all"})

    assert wrong.status_code == unknown.status_code == 422
    sentence = "The email address or password is not right. Check both and try again."
    assert sentence in wrong.text
    assert sentence in unknown.text
    assert 'href="#email"' in wrong.text
    assert "not this one" not in wrong.text


def test_an_empty_form_names_both_fields(browser: Any) -> None:
    answer = browser.post("/sign-in", {"email": "", "password": ""})

    assert answer.status_code == 422
    assert 'href="#email"' in answer.text
    assert 'href="#password"' in answer.text
    assert "Error: Sign in" in answer.text


def test_a_wrong_code_can_be_corrected(browser: Any, cast: Cast, service: Service) -> None:
    browser.give_password(cast.alma)

    wrong = browser.post("/sign-in/code", {"code": "000000"})
    service.clock.move(seconds=30)
    right = browser.post("/sign-in/code", {"code": cast.alma.code(service)})

    assert wrong.status_code == 422
    assert 'href="#code"' in wrong.text
    assert right.headers["Location"] == "/arrive"


def test_a_code_works_once(browser: Any, new_browser: Callable[[], Any], cast: Cast, service: Service) -> None:
    browser.sign_in(cast.alma)
    other = new_browser()
    other.give_password(cast.alma)

    assert other.post("/sign-in/code", {"code": cast.alma.code(service)}).status_code == 422


def test_the_code_page_without_a_password_leads_to_the_beginning(browser: Any) -> None:
    answer = browser.client.get("/sign-in/code")

    assert answer.headers["Location"] == "/sign-in"
    assert "more time passed than is allowed" in browser.follow(answer).text


def test_after_five_minutes_the_password_is_asked_for_again(browser: Any, cast: Cast, service: Service) -> None:
    browser.give_password(cast.alma)
    token = browser.client.token("/sign-in/code")
    service.clock.move(minutes=5)

    late = browser.client.post("/sign-in/code", data={"code": cast.alma.code(service), "csrf_token": token})

    assert late.headers["Location"] == "/sign-in"


def test_ten_wrong_passwords_lock_the_account_and_say_until_when(browser: Any, cast: Cast) -> None:
    for _ in range(10):
        browser.post("/sign-in", {"email": cast.alma.email, "password": "not this one at all"})

    locked = browser.give_password(cast.alma)

    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == "900"
    assert "Try again in 15 minutes" in locked.text


def test_an_account_that_does_not_exist_locks_alike(browser: Any) -> None:
    answers = [
        browser.post("/sign-in", {"email": "nobody@example.org", "password": "not this one at all"}).status_code
        for _ in range(11)
    ]

    assert answers == [422] * 10 + [429]


def test_signing_out_ends_the_session_on_the_server_too(browser: Any, new_browser: Any, cast: Cast) -> None:
    browser.sign_in(cast.alma)
    stolen = browser.client.get_cookie("session")

    answer = browser.post("/sign-out", page="/account")
    thief = new_browser()
    thief.client.set_cookie("session", stolen.value)

    assert answer.headers["Location"] == "/sign-in"
    assert browser.client.get_cookie("session") is None
    assert thief.client.get("/account").headers["Location"] == "/sign-in?next=/account"


def test_a_next_address_outside_the_service_is_ignored(browser: Any, cast: Cast) -> None:
    done = browser.sign_in(cast.alma, address="/sign-in?next=https://evil.example/")

    assert done.headers["Location"] == "/arrive"


def test_whoever_is_signed_in_is_not_asked_again(browser: Any, cast: Cast) -> None:
    browser.resume(cast.alma)

    assert browser.client.get("/sign-in?next=/people").headers["Location"] == "/arrive?next=/people"


def test_office_staff_may_trust_a_device_and_need_no_code_there(browser: Any, cast: Cast, service: Service) -> None:
    service.clock.move(seconds=30)
    browser.give_password(cast.edie)
    assert 'name="trust_device"' in browser.page("/sign-in/code")
    browser.post("/sign-in/code", {"code": cast.edie.code(service), "trust_device": "yes"})
    browser.post("/sign-out", page="/account")

    again = browser.give_password(cast.edie)

    assert again.headers["Location"] == "/arrive"
    assert "Edie Nakamura" in browser.page("/account")


def test_a_safeguarding_lead_may_not_trust_a_device(browser: Any, cast: Cast, service: Service) -> None:
    service.clock.move(seconds=30)
    browser.give_password(cast.alma)
    assert 'name="trust_device"' not in browser.page("/sign-in/code")

    forced = browser.post("/sign-in/code", {"code": cast.alma.code(service), "trust_device": "yes"})

    assert forced.status_code == 409
    assert browser.client.get("/account").status_code == 303


def test_a_recovery_code_replaces_a_lost_device(browser: Any, cast: Cast, service: Service) -> None:
    browser.give_password(cast.alma)
    used = browser.post("/sign-in/recovery-code", {"recovery_code": cast.alma.recovery_code.lower()})
    assert used.headers["Location"] == "/sign-in/set-up"
    secret = secret_on(browser.page("/sign-in/set-up"))
    done = browser.post("/sign-in/set-up", {"code": code_of(secret, service)})

    assert done.headers["Location"] == "/account/backup-codes?next=/arrive"
    arrived = browser.client.get("/arrive")
    assert arrived.headers["Location"] == "/account/recovery-code"
    assert secret != cast.alma.totp_secret


@pytest.mark.parametrize("typed", ["AAAA", "0000-0000-0000-0000-0000-0000-0000-0000-0000"])
def test_a_mistyped_recovery_code_is_marked(browser: Any, cast: Cast, typed: str) -> None:
    browser.give_password(cast.alma)

    answer = browser.post("/sign-in/recovery-code", {"recovery_code": typed})

    assert answer.status_code == 422
    assert 'href="#recovery_code"' in answer.text
    assert typed not in answer.text


def test_pages_of_signing_in_name_nobody(browser: Any, cast: Cast) -> None:
    browser.give_password(cast.alma)

    assert "Alma" not in text_of(parse_page(browser.page("/sign-in/code")))


def test_an_expired_session_is_told_on_the_next_page(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    service.clock.move(minutes=31)

    assert browser.client.get("/account").headers["Location"] == "/sign-in?next=/account"


def test_use_keeps_a_session_alive(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    for _ in range(3):
        service.clock.move(minutes=20)
        browser.page("/account")


def sessions_of(service: Service, member: Member) -> list[UUID]:
    with service.database.reading() as session:
        return list(session.scalars(select(SignInSession.id).where(SignInSession.person_id == member.person_id)))


def test_signing_in_again_in_the_same_browser_ends_the_session_before(
    new_browser: Any, cast: Cast, service: Service
) -> None:
    shared, elsewhere = new_browser(), new_browser()
    elsewhere.sign_in(cast.ben)
    shared.sign_in(cast.alma)
    hers = set(sessions_of(service, cast.alma)) - {cast.alma.actor.session_id}
    before = len(leaves(service))

    token = re.search(r'name="csrf_token" value="([^"]+)"', shared.client.get("/account").text)
    assert token
    answer = shared.client.post(
        "/sign-in", data={"email": cast.ben.email, "password": cast.ben.password, "csrf_token": token[1]}
    )
    assert answer.headers["Location"] == "/sign-in/code"

    assert hers.isdisjoint(sessions_of(service, cast.alma))
    assert [(leaf.event, leaf.actor) for leaf in leaves(service)[before:]] == [("session.ended", cast.alma.person_id)]
    assert cast.alma.actor.session_id in sessions_of(service, cast.alma), "her other browser is signed in still"
    assert elsewhere.page("/account")


def test_an_account_that_is_made_in_a_browser_where_somebody_is_signed_in_ends_their_session(
    browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.hugh)
    with service.database.writing() as session:
        invited = invite_person(
            session,
            service.at,
            cast.hugh.actor,
            email="nia@example.org",
            role=Role.SCHOOL_OFFICE,
            school_id=cast.sending,
        )
    made = browser.post(invited.path, {"name": "Nia Lund", "password": "four purple kettles whistle"})
    assert made.headers["Location"] == "/sign-in/set-up"
    assert sessions_of(service, cast.hugh) == []
