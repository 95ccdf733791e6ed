"""Files on their way in a real browser: several at once, dropped, refused, and sent again after a lost connection."""

import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import axe
from tests.browser.conftest import ContextFactory
from tests.browser.visiting import Visitor, visitor
from tests.browser.walks import in_the_database
from tests.demonstration import Demonstration
from transfer_service.demo.papers import make_pdf, make_picture

PDF = {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": make_pdf("Plan", "Made up for a test")}
PICTURE = {"name": "drawing.png", "mimeType": "image/png", "buffer": make_picture(60, 40)}
PROGRAM = {"name": "game.exe", "mimeType": "application/octet-stream", "buffer": b"MZ" + bytes(200)}

# Drops two small files of text onto the zone, as a hand does that drags them from a folder.
DROP = """
zone => {
  const carried = new DataTransfer();
  for (const name of ["first.pdf", "second.pdf"]) {
    carried.items.add(new File(["%PDF-1.7"], name, { type: "application/pdf" }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
  }
}
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def drafter(service: str, demonstration: Demonstration, context_factory: ContextFactory) -> Visitor:
    """A lead on the page of the attachments of an empty draft."""
    harriet = visitor(context_factory(), service, demonstration)
    harriet.sign_in("harriet.osborne@")
    harriet.follow(re.compile("^PT-"))
    harriet.follow("Attachments")
    expect(harriet.page.get_by_role("heading", level=1)).to_have_text("Attachments")
    return harriet


def sign_in_in_a_new_tab(at: Visitor) -> None:
    """Follow the link of the page that says so; the code of a moment ahead, since the one of now was used."""
    person = at.demonstration.person("harriet.osborne@")
    with at.page.context.expect_page() as opening:
        at.page.get_by_role("link", name="Sign in again (opens in a new tab)").click()
    tab = opening.value
    tab.get_by_label("Email address").fill(person["email"])
    tab.get_by_label("Password", exact=True).fill(person["password"])
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_label("6-digit code").fill(pyotp.TOTP(person["totp_secret"]).at(int(time.time()) + 30))
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_text("Signed in as")).to_be_visible()
    tab.close()


def expect_in_the_draft(page: Page, *names: str) -> None:
    expect(page.locator("[data-upload-list] tbody th")).to_have_text(list(names))


def on_their_way(page: Page) -> list[str]:
    return page.locator("[data-upload-files] li").all_inner_texts()


def test_a_refused_file_is_named_with_its_reason_and_the_others_are_sealed(drafter: Visitor) -> None:
    page = drafter.page
    page.get_by_label("Choose files").set_input_files([PDF, PROGRAM, PICTURE])
    assert [line.splitlines()[0] for line in on_their_way(page)] == ["plan.pdf", "game.exe", "drawing.png"]

    drafter.press("Seal and save")

    expect(page.get_by_role("status")).to_have_text("One file was not sealed. See why beside it.")
    expect(page.get_by_role("status")).to_be_focused()
    expect_in_the_draft(page, "plan.pdf", "drawing.png")
    [left] = on_their_way(page)
    assert left.startswith("game.exe")
    assert "PDF" in left
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    assert drafter.complaints == []


def test_after_a_lost_connection_only_what_was_not_sealed_is_sent_again(drafter: Visitor) -> None:
    page, posts = drafter.page, []

    def lose_the_second(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        posts.append(route.request.url)
        if len(posts) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/attachments*", lose_the_second)
    page.get_by_label("Choose files").set_input_files([PDF, PICTURE])
    drafter.press("Seal and save")
    expect(page.get_by_text("Not sent: the connection was lost")).to_be_visible()
    expect_in_the_draft(page, "plan.pdf")

    drafter.press("Try again")

    expect(page.get_by_text("The attachments are sealed and saved in the draft.")).to_be_visible()
    expect_in_the_draft(page, "plan.pdf", "drawing.png")
    assert len(posts) == 3, "the first file was not sent twice"


def test_files_chosen_before_the_session_ended_are_sent_once_signed_in_again(drafter: Visitor) -> None:
    page = drafter.page
    page.get_by_label("Choose files").set_input_files([PDF, PICTURE])
    in_the_database(drafter, "UPDATE sign_in_session SET expires_at = created_at")

    drafter.press("Seal and save")

    expect(page.get_by_role("status")).to_have_text("2 files were not sealed. See why beside each.")
    first, second = on_their_way(page)
    assert first.split("\n") == ["plan.pdf", "Not sent: you have been signed out"]
    assert second.strip() == "drawing.png"
    expect(page.get_by_text("The files below are not lost")).to_be_visible()
    assert axe(page) == []
    drafter.press("Try again")
    expect(page.get_by_text("The files below are not lost")).to_be_visible()

    sign_in_in_a_new_tab(drafter)
    drafter.press("Try again")

    expect(page.get_by_text("The attachments are sealed and saved in the draft.")).to_be_visible()
    expect_in_the_draft(page, "plan.pdf", "drawing.png")
    assert drafter.complaints == []


def test_files_are_dropped_onto_the_page(drafter: Visitor) -> None:
    page = drafter.page
    expect(page.get_by_text("You can also drop files here.")).to_be_visible()

    page.locator("[data-upload-drop]").evaluate(DROP)

    assert [line.strip() for line in on_their_way(page)] == ["first.pdf", "second.pdf"]
    assert page.get_by_label("Choose files").evaluate("input => input.files.length") == 2


def test_a_receipt_is_checked_where_scripts_run(
    drafter: Visitor, service: str, tmp_path: Path, demonstration: Demonstration
) -> None:
    page = drafter.page
    drafter.go("/transfers?status=acknowledged")
    drafter.follow(re.compile("^PT-"))
    drafter.follow("Receipts")
    with page.expect_download() as arriving:
        page.get_by_role("link", name=re.compile("evidence")).first.click()
    receipt = tmp_path / "receipt.tlog-proof"
    arriving.value.save_as(receipt)
    drafter.go("/verify")

    page.get_by_label("The receipt").set_input_files(receipt)
    drafter.press("Check the receipt")

    expect(page.get_by_role("heading", level=1)).to_have_text("This receipt holds")
    assert drafter.complaints == []
