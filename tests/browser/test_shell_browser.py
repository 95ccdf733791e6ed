"""The frame in a real browser: nothing breaks the content policy, axe finds nothing, and sessions end with care."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Blueprint, render_template_string
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.accessibility import axe
from tests.browser.conftest import ContextFactory
from tests.shell import NOW, close_databases, cookie_of, person, served, services_with, settings_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.web import access
from transfer_service.web.forms import Form
from transfer_service.web.people import SignedIn

PAGE = """
{% extends "layout.html" %}
{% import "macros/forms.html" as forms %}
{% import "macros/display.html" as show %}
{% set title = "Workshop" %}
{% set back = "/privacy" %}
{% set scripts = ["autocomplete.js"] %}
{% block content %}
<h1 class="govuk-heading-l">Workshop</h1>
{% call forms.start() %}
  {{ forms.text(form, "surname", "Surname") }}
  {{ forms.textarea(form, "text", "Note", limit=20) }}
  {{ forms.select(form, "school", "School", (("1", "Oak Lane"), ("2", "Elm Road")), search=true) }}
  {{ forms.submit("Save") }}
{% endcall %}
{{ show.copyable("abc", "the code", "code") }}
{% endblock %}
"""

workshop = Blueprint("workshop", __name__)


@workshop.route("/workshop", methods=["GET", "POST"])
@access.signed_in
def bench() -> str:
    return render_template_string(PAGE, form=Form())


class Sessions:
    """The made-up sessions of these tests: how long the one that there is still lives, in seconds."""

    def __init__(self) -> None:
        self.seconds = 1800
        self.asked = 0

    def find(self, token: bytes, request_id: str) -> SignedIn | None:
        self.asked += 1
        if self.seconds <= 0:
            return None
        return person(expires_at=NOW + timedelta(seconds=self.seconds))


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def address(tmp_path: Path, sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, workshop))
    settings = settings_in(tmp_path)
    with served(create_app(settings, services_with(settings, find_session=sessions.find))) as found:
        yield found
    close_databases()


def signed_in(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    """A page of somebody signed in, and the list that takes what the browser complains about."""
    context.add_cookies([{"name": "session", "value": cookie_of(), "url": address}])
    page = context.new_page()
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def test_nothing_on_a_page_breaks_the_policy_or_a_rule_of_accessibility(
    address: str, context_factory: ContextFactory
) -> None:
    page, complaints = signed_in(context_factory(), address)

    page.goto(f"{address}/workshop", wait_until="networkidle")

    assert complaints == []
    assert axe(page) == []
    expect(page.locator("body")).to_have_class("govuk-template__body js-enabled govuk-frontend-supported")


def test_on_paper_nothing_is_left_that_can_only_be_pressed(address: str, context_factory: ContextFactory) -> None:
    page, _ = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")
    expect(page.get_by_role("button", name="Save")).to_be_visible()

    page.emulate_media(media="print")

    for gone in ("Save", "Copy the code", "Sign out"):
        expect(page.get_by_role("button", name=gone)).to_have_count(0)
    for gone in (".govuk-footer", ".govuk-service-navigation", ".govuk-back-link"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.get_by_role("heading", name="Workshop")).to_be_visible()
    page.goto(f"{address}/verify")
    said = "link => getComputedStyle(link, '::after').content"
    assert page.locator("main a.govuk-link").first.evaluate(said) == "none"


def test_a_list_is_searched_by_typing(address: str, context_factory: ContextFactory) -> None:
    page, complaints = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")

    page.get_by_label("School").fill("elm")
    page.get_by_role("option", name="Elm Road").click()

    expect(page.locator("select[name=school]")).to_have_value("2")
    assert complaints == []


def test_characters_are_counted(address: str, context_factory: ContextFactory) -> None:
    page, _ = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")

    page.get_by_label("Note").fill("x" * 18)

    expect(page.get_by_text("You have 2 characters remaining").first).to_be_visible()


def test_every_control_works_without_scripts(address: str, context_factory: ContextFactory) -> None:
    page, _ = signed_in(context_factory(javascript=False), address)
    page.goto(f"{address}/workshop")

    page.get_by_label("Surname").fill("O’Neill")
    page.get_by_label("School").select_option("Elm Road")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Workshop")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the code")).to_be_hidden()
    expect(page.locator("dialog")).to_be_hidden()


def test_before_the_session_ends_people_are_warned_and_can_extend_it(
    address: str, sessions: Sessions, context_factory: ContextFactory
) -> None:
    sessions.seconds = 120
    page, complaints = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")
    dialog = page.get_by_role("dialog", name="You will soon be signed out")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("2 minutes")
    assert axe(page) == []

    sessions.seconds = 1800
    dialog.get_by_role("button", name="Stay signed in").click()

    expect(dialog).to_be_hidden()
    assert complaints == []


def test_work_in_one_tab_takes_the_warning_from_another(
    address: str, sessions: Sessions, context_factory: ContextFactory
) -> None:
    context = context_factory()
    sessions.seconds = 120
    page, _ = signed_in(context, address)
    page.goto(f"{address}/workshop", wait_until="networkidle")
    dialog = page.get_by_role("dialog", name="You will soon be signed out")
    expect(dialog).to_be_visible()

    sessions.seconds = 1800
    context.new_page().goto(f"{address}/workshop", wait_until="networkidle")

    expect(dialog).to_be_hidden()


def test_a_session_at_its_longest_cannot_be_extended_and_says_so(
    address: str, sessions: Sessions, context_factory: ContextFactory
) -> None:
    sessions.seconds = 100
    page, _ = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")

    page.get_by_role("button", name="Stay signed in").click()

    expect(page.get_by_text("Your session has reached its longest time")).to_be_visible()
    expect(page.get_by_role("button", name="Stay signed in")).to_be_hidden()


def test_an_untouched_page_leaves_the_screen_when_the_session_ends(
    address: str, sessions: Sessions, context_factory: ContextFactory
) -> None:
    sessions.seconds = 2
    page, _ = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop")
    sessions.seconds = 0

    page.wait_for_url(f"{address}/sign-in")


def test_what_was_typed_stays_when_the_session_ends(
    address: str, sessions: Sessions, context_factory: ContextFactory
) -> None:
    page, _ = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")
    page.get_by_label("Note").fill("half a note")
    sessions.seconds = 0
    page.evaluate("() => { const real = Date.now; Date.now = () => real() + 1801 * 1000; }")

    expect(page.get_by_text("What you typed on this page is still here")).to_be_visible()
    page.get_by_role("button", name="Close this message").click()
    expect(page.get_by_label("Note")).to_have_value("half a note")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="You have been signed out")).to_be_visible()
    sessions.seconds = 1800
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", name="Workshop")).to_be_visible()


def test_the_page_asks_nothing_by_itself_that_would_keep_a_session_alive(
    address: str, sessions: Sessions, context_factory: ContextFactory
) -> None:
    sessions.seconds = 250
    page, _ = signed_in(context_factory(), address)
    page.goto(f"{address}/workshop", wait_until="networkidle")
    asked = sessions.asked

    time.sleep(2.5)

    assert sessions.asked == asked
