"""Notes, what is left out, discarding: what is put into a draft and taken out again."""

import re

import pytest

from tests.factories import NOTE_TEXT, add_note, draft, empty_draft
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import (
    attach,
    day,
    dispatch_of,
    follow,
    record_transfer,
    reference_of,
    refused,
)
from transfer_service.demo.papers import make_pdf

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
NOTE = {
    "category": "risk",
    **day("dated_on", "3 9 2026"),
    "text": "Seen by the nurse.",
    "why_shared": "safeguard_child",
}


@pytest.fixture
def base(stage: Stage) -> str:
    dispatch_id = empty_draft(stage, stage.alma, stage.cast.receiving)
    return f"/transfers/{reference_of(stage, dispatch_id)}"


def test_each_mistake_in_a_note_is_linked_and_what_was_typed_stays(stage: Stage, browser, base):
    client = browser(stage.alma)

    response = client.post_form(f"{base}/notes/new", {"text": "A long account", "why_shared": "other"})

    assert response.status_code == 422
    assert "A long account" in response.text
    said = refused(client, f"{base}/notes/new", {"text": ""})
    assert list(said) == ["category", "dated_on", "text", "why_shared"]
    assert list(refused(client, f"{base}/notes/new", {**NOTE, "why_shared": "other"})) == ["why_shared_words"]


def test_a_note_is_edited_and_one_changed_meanwhile_is_not_overwritten(stage: Stage, browser, base):
    client = browser(stage.alma)
    follow(client, f"{base}/notes/new", NOTE)
    address = re.findall(rf"{base}/notes/[0-9a-f-]{{36}}", client.get(f"{base}/notes").text)[0]

    follow(client, address, {**NOTE, "text": "Seen by the doctor.", "revision": "1"})

    assert "Seen by the doctor." in text_of(client.page(f"{base}/notes"))
    assert client.post_form(address, {**NOTE, "revision": "1"}).status_code == 409
    assert "Seen by the doctor." in client.get(address).text


def test_a_note_is_removed(stage: Stage, browser, base):
    client = browser(stage.alma)
    follow(client, f"{base}/notes/new", NOTE)
    address = re.findall(rf"{base}/items/[0-9a-f-]{{36}}/remove", client.get(f"{base}/notes").text)[0]

    assert follow(client, address, {}, page=f"{base}/notes") == f"{base}/notes"

    assert "There are no notes yet" in text_of(client.page(f"{base}/notes"))


def test_what_is_left_out_is_listed_with_its_reason(stage: Stage, browser, base):
    client = browser(stage.alma)
    assert list(refused(client, f"{base}/withheld", {"words": "A letter"})) == ["reason"]
    follow(client, f"{base}/withheld", {"words": "Letter of a neighbour", "reason": "third_party"})
    follow(client, f"{base}/withheld", {"words": "Counsel's advice", "reason": "legal_privilege"})
    page = client.get(f"{base}/withheld").text
    assert page.index("Letter of a neighbour") < page.index("legally privileged")

    first = re.findall(rf"{base}/withheld/[0-9a-f-]{{36}}/remove", page)[0]
    follow(client, first, {}, page=f"{base}/withheld")

    page = text_of(client.page(f"{base}/withheld"))
    assert "Letter of a neighbour" not in page
    assert "Counsel's advice" in page


def test_a_draft_is_discarded_with_what_was_stored_for_it(stage: Stage, browser):
    client = browser(stage.alma)
    dispatch_id = draft(stage, stage.alma, stage.cast.receiving, attachments=["genogram.pdf"])
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    assert [one for one in stage.blobs.rglob("*") if one.is_file()] != []

    assert follow(client, f"{base}/discard", {}) == "/transfers"

    assert client.get(base).status_code == 404
    assert [one for one in stage.blobs.rglob("*") if one.is_file()] == []


def test_a_colleague_goes_on_with_the_draft_and_nobody_else_sees_it(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"

    assert NOTE_TEXT in text_of(browser(stage.ben).page(f"{base}/notes"))
    for stranger in (stage.cora, stage.stella):
        for page in ("", "/notes", "/notes/new", "/attachments", "/check", "/nil", "/contents", "/discard"):
            assert browser(stranger).get(base + page).status_code == 404
    assert browser(stage.cast.hugh).get(f"{base}/notes").status_code == 403


def test_what_was_sent_is_no_draft_any_more(stage: Stage, browser):
    client = browser(stage.alma)
    reference = record_transfer(client)
    base = f"/transfers/{reference}"
    follow(client, f"{base}/notes/new", NOTE)
    follow(client, f"{base}/check", {"statement_version": "send/1", "confirmed": "yes"})

    assert client.get(f"{base}/notes/new").status_code == 404
    assert client.get(f"{base}/check").location == base
    assert client.get(f"{base}/nil").location == base
    assert client.post_form(f"{base}/discard", page="/accessibility").status_code == 409


def test_every_look_at_a_drafts_notes_is_in_the_log(stage: Stage, browser):
    dispatch_id = empty_draft(stage, stage.alma, stage.cast.receiving)
    add_note(stage, stage.alma, dispatch_id)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"

    browser(stage.ben).page(f"{base}/notes")

    assert "Ben Okafor" in text_of(browser(stage.alma).page(base), "ol")
    assert dispatch_of(stage, dispatch_id).status == "draft"


def test_each_task_of_a_draft_says_how_far_it_is(stage: Stage, browser, base):
    client = browser(stage.alma)
    tasks = ("notes", "attachments", "withheld", "urgent", "check")

    def states() -> list[str]:
        found = {one.get("id"): text_of(one) for one in client.page(base).iter("div")}
        return [found[f"task-{name}-status"] for name in tasks]

    assert states() == ["Not started", "Not started", "Nothing is left out", "Not urgent", "Cannot start yet"]
    assert f'href="{base}/check"' not in client.get(base).text

    follow(client, f"{base}/notes/new", NOTE)
    follow(client, f"{base}/notes/new", NOTE)
    attach(client, base, ("plan.pdf", make_pdf("Plan", "Made up for a test")))
    follow(client, f"{base}/withheld", {"words": "Letter of a neighbour", "reason": "third_party"})
    follow(client, f"{base}/urgent", {"urgent": "yes"})

    assert states() == [
        "In progress: 2 notes",
        "In progress: 1 attachment",
        "Left out: 1 thing",
        "Urgent",
        "Not started",
    ]
    assert f'href="{base}/check"' in client.get(base).text
