"""Backup codes on the pages: offered after the app is set up, shown once, counted, and typed in place of a code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from tests.cast import Cast, Service
from tests.html import parse_page, text_of
from tests.integration.web.account.conftest import code_of, secret_on
from tests.integration.web.account.test_invitation_pages import invite
from tests.observing import alerts
from transfer_service.db.models import BackupCodeHash


def shown_codes(page: str) -> list[str]:
    """The codes that a page shows, in order."""
    return re.findall(r'<code class="app-code">([0-9A-Z]{5}-[0-9A-Z]{5})</code>', page)


def make_codes(browser: Any) -> list[str]:
    """Have ten codes shown, and say that they are kept."""
    shown = browser.post("/account/backup-codes/show", page="/account/backup-codes")
    codes = shown_codes(shown.text)
    assert len(codes) == 10
    kept = browser.post("/account/backup-codes/confirm", page="/account/backup-codes")
    assert kept.headers["Location"] == "/account"
    return codes


def told(browser: Any, address: str) -> str:
    return " ".join(text_of(parse_page(browser.page(address))).split())


def test_codes_are_made_from_the_account_page_and_counted_there(browser: Any, cast: Cast) -> None:
    browser.resume(cast.alma)
    assert "Backup codes None : make some, so that you can sign in" in told(browser, "/account")
    assert 'href="/account/backup-codes"' in browser.page("/account")

    make_codes(browser)

    page = told(browser, "/account")
    assert "Your backup codes work now." in page
    assert "Backup codes 10 left Change" in page


def test_reloading_shows_the_same_codes_until_they_are_confirmed(browser: Any, cast: Cast) -> None:
    browser.resume(cast.alma)
    first = browser.post("/account/backup-codes/show", page="/account/backup-codes").text
    again = browser.post("/account/backup-codes/show", page="/account/backup-codes").text
    browser.post("/account/backup-codes/confirm", page="/account/backup-codes")
    other = browser.post("/account/backup-codes/show", page="/account/backup-codes").text

    assert shown_codes(first) == shown_codes(again)
    assert set(shown_codes(first)).isdisjoint(shown_codes(other))
    assert "Cache-Control" in browser.client.get("/account/backup-codes").headers
    assert "data-print" in first
    assert "I have kept them" in first


def test_a_backup_code_signs_in_where_the_device_is_not_at_hand(
    browser: Any, new_browser: Callable[[], Any], cast: Cast, service: Service
) -> None:
    codes = make_codes(browser.resume(cast.alma))
    other = new_browser()
    other.give_password(cast.alma, address="/sign-in?next=/people")
    assert 'href="/sign-in/backup-code?next=/people"' in other.page("/sign-in/code?next=/people")
    assert "The next one is number 1; any other that you have not used works too." in told(
        other, "/sign-in/backup-code"
    )

    done = other.post("/sign-in/backup-code?next=/people", {"backup_code": codes[0].lower().replace("-", " ")})

    assert done.headers["Location"] == "/arrive?next=/people"
    assert "Alma Reyes" in other.follow(done).text
    assert "Backup codes 9 left, last used on 7 September 2026" in told(other, "/account")
    assert [kind for kind, _ in alerts(service)].count("backup_code.used") == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter a backup code from your sheet"),
        ("00000-00000", "The backup code is not right, or it was used already. Check it and try again."),
        ("123456", "A backup code has 2 groups of 5 letters and digits."),
        ("*****-*****", "A code has only letters and digits. Leave out anything else."),
    ],
)
def test_a_wrong_backup_code_is_marked_and_not_given_back(
    browser: Any, new_browser: Callable[[], Any], cast: Cast, typed: str, said: str
) -> None:
    make_codes(browser.resume(cast.alma))
    other = new_browser()
    other.give_password(cast.alma)

    answer = other.post("/sign-in/backup-code", {"backup_code": typed})

    assert answer.status_code == 422
    assert said in answer.text
    assert 'href="#backup_code"' in answer.text
    assert not typed or f'value="{typed}"' not in answer.text
    assert other.client.get("/account").status_code == 303


def test_whoever_has_no_codes_is_told_so_and_a_forced_one_is_wrong(browser: Any, cast: Cast) -> None:
    browser.give_password(cast.alma)
    page = browser.page("/sign-in/backup-code")
    assert "You have no backup codes that work." in page
    assert 'name="backup_code"' not in page

    forced = browser.post("/sign-in/backup-code", {"backup_code": "00000-00000"}, page="/sign-in/code")

    assert forced.status_code == 422


def test_ten_wrong_backup_codes_lock_the_account(browser: Any, cast: Cast, service: Service) -> None:
    browser.give_password(cast.alma)
    for _ in range(10):
        browser.post("/sign-in/backup-code", {"backup_code": "00000-00000"}, page="/sign-in/code")

    locked = browser.post("/sign-in/backup-code", {"backup_code": "00000-00000"}, page="/sign-in/code")

    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == "900"


def test_the_page_for_a_backup_code_without_a_password_leads_to_the_beginning(
    browser: Any, cast: Cast, service: Service
) -> None:
    assert browser.client.get("/sign-in/backup-code").headers["Location"] == "/sign-in"
    browser.give_password(cast.alma)
    token = browser.client.token("/sign-in/code")
    service.clock.move(minutes=5)

    late = browser.client.post("/sign-in/backup-code", data={"backup_code": "00000-00000", "csrf_token": token})

    assert late.headers["Location"] == "/sign-in"


def test_codes_are_offered_when_the_app_was_set_up_and_may_wait(browser: Any, cast: Cast, service: Service) -> None:
    browser.post(invite(service, cast).path, {"name": "Nia New", "password": "brisk walnut harbour lantern"})
    assert browser.client.get("/sign-in/backup-code").headers["Location"] == "/sign-in/set-up"
    secret = secret_on(browser.page("/sign-in/set-up"))
    done = browser.post("/sign-in/set-up?next=/people", {"code": code_of(secret, service)}, page="/sign-in/set-up")
    offer = done.headers["Location"]
    assert offer == "/account/backup-codes?next=/arrive%3Fnext%3D/people"

    assert 'href="/arrive?next=/people">Do this later' in browser.page(offer)
    shown = browser.post("/account/backup-codes/show?next=/arrive%3Fnext%3D/people", page=offer)
    where = re.search(r'action="(/account/backup-codes/confirm[^"]*)"', shown.text)
    assert where is not None
    kept = browser.post(where[1], page=offer)

    assert kept.headers["Location"] == "/arrive?next=/people"


def test_codes_ask_for_the_password_after_a_while(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    token = browser.client.token("/account/backup-codes")
    service.clock.move(minutes=11)

    asked = browser.client.get("/account/backup-codes")
    forced = browser.client.post("/account/backup-codes/show", data={"csrf_token": token})

    assert asked.headers["Location"] == "/confirm-password?next=/account/backup-codes"
    assert forced.status_code in (303, 403)
    assert shown_codes(forced.text) == []


def test_codes_that_were_not_confirmed_in_time_are_thrown_away(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    browser.post("/account/backup-codes/show", page="/account/backup-codes")
    for _ in range(3):
        service.clock.move(minutes=20)
        token = browser.client.token("/account/name")
    late = browser.client.post("/account/backup-codes/confirm", data={"csrf_token": token})

    assert late.headers["Location"] == "/account/backup-codes"
    assert "Throw that sheet away and make new ones." in told(browser, "/account")


@pytest.mark.parametrize(
    ("used", "said"), [(6, "4 left, last used"), (7, "3 left , last used"), (10, "None , last used")]
)
def test_the_account_page_warns_where_three_or_fewer_are_left(
    browser: Any, cast: Cast, service: Service, used: int, said: str
) -> None:
    make_codes(browser.resume(cast.alma))
    with service.database.writing() as session:
        session.execute(
            update(BackupCodeHash).where(BackupCodeHash.number <= used).values(hash=None, used_at=service.clock())
        )

    page = told(browser, "/account")
    assert f"Backup codes {said}" in page
    assert (": make new ones soon" in page) == (used == 7)
    assert (": make some, so that" in page) == (used == 10)
    is_amber = re.search(r"Backup codes.*?govuk-tag--orange.*?Recovery code", browser.page("/account"), re.DOTALL)
    assert (is_amber is not None) == (used > 6)


def test_an_unknown_field_is_refused(browser: Any, cast: Cast) -> None:
    browser.resume(cast.alma)
    for address in ("/account/backup-codes/show", "/account/backup-codes/confirm"):
        answer = browser.post(address, {"person_id": "1"}, page="/account/backup-codes")
        assert answer.status_code == 422
