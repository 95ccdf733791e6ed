"""Ten codes on paper, and the day on which the telephone is at home: with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import axe
from tests.browser.conftest import ContextFactory
from tests.browser.visiting import Visitor, visitor
from tests.demonstration import Demonstration

SENDER = "harriet.osborne@"
PHONE = {"width": 320, "height": 640}
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}")

pytestmark = pytest.mark.slow


def give_password(at: Visitor) -> None:
    """The first page of signing in."""
    person = at.demonstration.person(SENDER)
    at.go("/sign-in")
    at.page.get_by_label("Email address").fill(person["email"])
    at.page.get_by_label("Password", exact=True).fill(person["password"])
    at.press("Continue")


def make_codes(at: Visitor) -> list[str]:
    """Have the codes shown, as a phone and a printer show them too, and keep them."""
    at.go("/account")
    at.page.get_by_role("link", name="Change backup codes").click()
    at.press("Show the codes")
    shown = at.page.locator("#backup-codes li").all_inner_texts()
    codes = [CODE.findall(text)[0] for text in shown]
    assert len(set(codes)) == 10
    at.page.emulate_media(media="print")
    expect(at.page.get_by_role("button", name="I have kept them")).to_be_hidden()
    expect(at.page.get_by_role("link", name="Sign out")).to_be_hidden()
    expect(at.page.get_by_text(codes[9])).to_be_visible()
    at.page.emulate_media(media="screen")
    at.press("I have kept them")
    expect(at.page.get_by_text("Your backup codes work now.")).to_be_visible()
    expect(at.page.get_by_text("10 left")).to_be_visible()
    return codes


def sound(at: Visitor) -> None:
    """Nothing for axe to find, and nothing to the side of a phone."""
    before = at.page.viewport_size
    at.page.set_viewport_size(PHONE)
    assert at.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert axe(at.page) == []
    assert before is not None
    at.page.set_viewport_size(before)


@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_backup_code_signs_in_when_the_device_is_not_at_hand(
    javascript: bool, service: str, demonstration: Demonstration, context_factory: ContextFactory
) -> None:
    at_work = visitor(context_factory(javascript=javascript), service, demonstration)
    at_work.sign_in(SENDER)
    codes = make_codes(at_work)

    elsewhere = visitor(context_factory(javascript=javascript), service, demonstration)
    give_password(elsewhere)
    elsewhere.follow("Use a backup code instead")
    expect(elsewhere.page.get_by_text("The next one is number 1")).to_be_visible()
    elsewhere.page.get_by_label("Backup code", exact=True).fill("00000 00000")
    elsewhere.press("Sign in")
    expect(elsewhere.page.get_by_role("alert")).to_contain_text("The backup code is not right, or it was used already.")
    expect(elsewhere.page.get_by_label("Backup code", exact=True)).to_have_value("")
    if javascript:
        sound(elsewhere)
    elsewhere.page.get_by_label("Backup code", exact=True).fill(codes[0].lower().replace("-", " "))
    elsewhere.press("Sign in")
    expect(elsewhere.page.get_by_text("Signed in as")).to_be_visible()
    elsewhere.go("/account")
    expect(elsewhere.page.get_by_text("9 left, last used on")).to_be_visible()
    if javascript:
        sound(elsewhere)

    late = visitor(context_factory(javascript=javascript), service, demonstration)
    give_password(late)
    late.go("/sign-in/backup-code")
    late.page.get_by_label("Backup code", exact=True).fill(codes[0])
    late.press("Sign in")
    expect(late.page.get_by_role("alert")).to_contain_text("it was used already")
    assert at_work.complaints == elsewhere.complaints == late.complaints == []
