"""One's own account: name, password, device, recovery code, sessions; and a forgotten password."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sqlalchemy import select

from tests.cast import Cast, Service, actor_of
from tests.integration.web.account.conftest import code_of, secret_on
from tests.integration.web.account.test_invitation_pages import write_down
from transfer_service.db.models import Alert
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import KeyMissing
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.people.sessions import load_session
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web.account.browser import say_browser

NEW_PASSWORD = "brisk walnut harbour lantern"


def ask_for_link(browser: Any, service: Service, email: str) -> str:
    """Ask for a reset, and return the path of the link in the mail."""
    assert browser.post("/forgotten", {"email": email}).headers["Location"] == "/forgotten/sent"
    with service.database.reading() as session:
        alert = session.scalars(select(Alert).where(Alert.kind == AlertKind.PASSWORD_RESET)).one()
        assert alert.secret is not None
        return service.at.field_keys.open_text(alert.secret, table="alert", column="secret", row=alert.id)


def test_the_account_page_shows_this_session(browser: Any, cast: Cast) -> None:
    page = browser.resume(cast.alma).page("/account")

    assert "alma.reyes@example.org" in page
    assert "Firefox on Windows (this one)" in page


def test_everybody_has_an_account_page(browser: Any, cast: Cast) -> None:
    for member in (cast.edie, cast.hugh, cast.olive, cast.oscar, cast.ada):
        assert member.name in browser.resume(member).page("/account")


def test_a_name_is_changed(browser: Any, cast: Cast) -> None:
    browser.resume(cast.alma)

    assert 'value="Alma Reyes"' in browser.page("/account/name")
    assert browser.post("/account/name", {"name": "  "}).status_code == 422
    done = browser.post("/account/name", {"name": "Alma Reyes-O’Hara"})

    assert "Alma Reyes-O’Hara" in browser.follow(done).text


def test_a_changed_password_signs_in_and_other_sessions_end(
    browser: Any, new_browser: Any, cast: Cast, service: Service
) -> None:
    other = new_browser()
    other.sign_in(cast.alma)
    browser.resume(cast.alma)

    done = browser.post("/account/password", {"current_password": cast.alma.password, "password": NEW_PASSWORD})

    assert done.headers["Location"] == "/account"
    assert other.client.get("/account").status_code == 303
    assert other.give_password(cast.alma).status_code == 422
    assert other.give_password(cast.alma, password=NEW_PASSWORD).headers["Location"] == "/sign-in/code"


@pytest.mark.parametrize(
    "current, new, wrong",
    [
        ("not this one at all", NEW_PASSWORD, "current_password"),
        (None, "short", "password"),
        (None, "alma reyes alma", "password"),
        (None, "", "password"),
    ],
)
def test_a_wrong_change_of_password_is_marked(
    browser: Any, cast: Cast, current: str | None, new: str, wrong: str
) -> None:
    browser.resume(cast.alma)

    answer = browser.post("/account/password", {"current_password": current or cast.alma.password, "password": new})

    assert answer.status_code == 422
    assert f'href="#{wrong}"' in answer.text


def test_another_device_takes_over_with_its_first_code(
    browser: Any, new_browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.alma)
    secret = secret_on(browser.page("/account/device"))
    assert browser.post("/account/device", {"code": "000000"}).status_code == 422
    assert browser.post("/account/device", {"code": code_of(secret, service)}).headers["Location"] == "/account"

    service.clock.move(seconds=30)
    other = new_browser()
    other.give_password(cast.alma)
    assert other.post("/sign-in/code", {"code": cast.alma.code(service)}).status_code == 422
    assert other.post("/sign-in/code", {"code": code_of(secret, service)}).status_code == 303


@pytest.mark.parametrize("address", ["/account/device", "/account/recovery-code"])
def test_keys_to_the_account_ask_for_the_password_after_a_while(
    browser: Any, cast: Cast, service: Service, address: str
) -> None:
    browser.resume(cast.alma)
    service.clock.move(minutes=11)

    assert browser.client.get(address).headers["Location"] == f"/confirm-password?next={address}"


def test_a_new_recovery_code_replaces_the_old_one(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    code = write_down(browser)
    assert code != cast.alma.recovery_code
    browser.post("/sign-out", page="/account")
    browser.give_password(cast.alma)

    old = browser.post("/sign-in/recovery-code", {"recovery_code": cast.alma.recovery_code})
    new = browser.post("/sign-in/recovery-code", {"recovery_code": code})

    assert old.status_code == 422
    assert new.headers["Location"] == "/sign-in/set-up"


def test_one_session_is_ended_from_another(browser: Any, new_browser: Any, cast: Cast, service: Service) -> None:
    other = new_browser()
    other.sign_in(cast.alma)
    browser.resume(cast.alma)
    page = browser.page("/account")
    where = page.split('action="/account/sessions/')[1].split('"')[0]

    done = browser.post(f"/account/sessions/{where}", page="/account")

    assert done.headers["Location"] == "/account"
    assert other.client.get("/account").status_code == 303
    browser.page("/account")


def test_all_other_sessions_end_at_once(browser: Any, new_browser: Any, cast: Cast) -> None:
    other = new_browser()
    other.sign_in(cast.alma)
    browser.resume(cast.alma).post("/account/sessions/end-others", page="/account")

    assert other.client.get("/account").status_code == 303
    browser.page("/account")


def test_nobody_ends_somebody_elses_session(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.ben)

    answer = browser.post(f"/account/sessions/{cast.alma.actor.session_id}/end", page="/account")

    assert answer.status_code == 404
    with service.database.reading() as session:
        assert load_session(session, service.at, cookie=cast.alma.cookie) is not None


def test_a_forgotten_password_says_the_same_to_strangers(browser: Any, cast: Cast, service: Service) -> None:
    answer = browser.post("/forgotten", {"email": "nobody@example.org"})

    assert answer.headers["Location"] == "/forgotten/sent"
    with service.database.reading() as session:
        assert session.scalars(select(Alert)).all() == []


def test_the_reset_page_says_which_ways_the_school_has(browser: Any, cast: Cast, service: Service) -> None:
    page = browser.page(ask_for_link(browser, service, cast.alma.email))

    assert "Your recovery code." in page
    assert "one colleague holds the school’s key" in page


def test_the_reset_page_of_a_sole_holder_says_that_nobody_else_can_help(
    browser: Any, cast: Cast, service: Service
) -> None:
    page = browser.page(ask_for_link(browser, service, cast.stella.email))

    assert "nobody else holds the school’s key" in page
    assert "recovery custodians" in page


def test_a_reset_with_the_recovery_code_keeps_all_that_could_be_read(
    browser: Any, cast: Cast, service: Service
) -> None:
    link = ask_for_link(browser, service, cast.alma.email)

    done = browser.post(link, {"password": NEW_PASSWORD, "way": "with_code", "recovery_code": cast.alma.recovery_code})
    assert done.headers["Location"] == "/sign-in"
    service.clock.move(seconds=30)
    browser.give_password(cast.alma, password=NEW_PASSWORD)
    browser.post("/sign-in/code", {"code": cast.alma.code(service)})

    assert reads(browser, service)


def test_a_reset_without_the_code_restores_signing_in_and_no_reading(
    browser: Any, cast: Cast, service: Service
) -> None:
    link = ask_for_link(browser, service, cast.alma.email)

    browser.post(link, {"password": NEW_PASSWORD, "way": "without_code"})
    service.clock.move(seconds=30)
    browser.give_password(cast.alma, password=NEW_PASSWORD)
    browser.post("/sign-in/code", {"code": cast.alma.code(service)})

    assert not reads(browser, service)
    assert "One person at your school can do that" in browser.page("/waiting")
    assert "does not work any more" in browser.page(link, 409)


def test_a_reset_with_the_code_sets_up_another_device_too(browser: Any, cast: Cast, service: Service) -> None:
    link = ask_for_link(browser, service, cast.alma.email)
    given = {"password": NEW_PASSWORD, "way": "with_code", "recovery_code": cast.alma.recovery_code}

    begun = browser.post(link, {**given, "lost_device": "yes"})
    assert begun.headers["Location"] == "/sign-in/set-up"
    secret = secret_on(browser.page("/sign-in/set-up"))
    browser.post("/sign-in/set-up", {"code": code_of(secret, service)})

    assert reads(browser, service)


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"password": NEW_PASSWORD}, "way"),
        ({"password": NEW_PASSWORD, "way": "with_code"}, "recovery_code"),
        ({"password": NEW_PASSWORD, "way": "with_code", "recovery_code": "0000"}, "recovery_code"),
        ({"password": "short", "way": "without_code"}, "password"),
        ({"password": "alma reyes alma", "way": "without_code"}, "password"),
    ],
)
def test_a_wrong_reset_is_marked_and_changes_nothing(
    browser: Any, cast: Cast, service: Service, fields: dict[str, str], wrong: str
) -> None:
    link = ask_for_link(browser, service, cast.alma.email)

    answer = browser.post(link, fields)

    assert answer.status_code == 422
    assert f'href="#{wrong}"' in answer.text
    assert browser.give_password(cast.alma).headers["Location"] == "/sign-in/code"


def test_an_old_reset_link_says_what_to_do(browser: Any, cast: Cast, service: Service) -> None:
    link = ask_for_link(browser, service, cast.alma.email)
    service.clock.move(minutes=60)

    assert "Ask for a new one under “I forgot my password”." in browser.page(link, 409)


@pytest.mark.parametrize(
    "agent, words",
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Windows"),
        ("Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36", "Chrome on Chromebook"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/128.0 Safari/537.36 Edg/128.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari on iPhone"),
        ("curl/8", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_called_what_its_owner_calls_it(agent: str, words: str) -> None:
    assert say_browser(agent) == words


def reads(browser: Any, service: Service) -> bool:
    """Whether the person signed in on this browser can unwrap the school's key."""
    text = browser.client.get_cookie("session").value
    cookie = base64.urlsafe_b64decode(text + "=")
    actor = actor_of(service, cookie)
    try:
        with service.database.reading() as session:
            open_school_keys(session, service.at, actor, open_person_key(session, service.at, cookie=cookie))
    except KeyMissing:
        return False
    return True
