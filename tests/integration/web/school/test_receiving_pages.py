"""The receiving school: cover sheet first, opening by a deliberate act, every showing recorded before it is shown."""

from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update

from tests.factories import (
    NOTE_TEXT,
    PDF,
    a_note,
    add_attachment,
    add_note,
    declare_nil,
    dispatch_in,
    draft,
    empty_draft,
    send,
)
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import dispatch_of, follow, reference_of, refused
from tests.observing import leaves
from transfer_service.db.models import DispatchItem, Item, SignInSession
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import NoteCategory
from transfer_service.domain.transfer import Status
from transfer_service.web.school.archiving import ARCHIVES
from transfer_service.web.turns import Turns

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
OPEN = {"statement_version": "joining/1", "confirmed": "yes"}
ACKNOWLEDGE = {"statement_version": "ack/1", "senco_told": "yes", "key_staff_told": "yes", "confirmed": "yes"}


def events(stage: Stage) -> list[str]:
    return [leaf.event for leaf in leaves(stage.service)]


@pytest.fixture
def dispatch_id(stage: Stage):
    made = draft(stage, stage.alma, stage.cast.receiving, attachments=["genogram.pdf"])
    send(stage, stage.alma, made)
    return made


@pytest.fixture
def base(stage: Stage, dispatch_id) -> str:
    return f"/transfers/{reference_of(stage, dispatch_id)}"


def test_each_showing_is_in_the_log(stage: Stage, browser, base):
    client = browser(stage.cora)
    start = len(events(stage))

    client.page(f"{base}/cover")
    follow(client, f"{base}/open", OPEN, page="/accessibility")
    page = client.page(f"{base}/contents")
    link = next(one.get("href") for one in page.iter("a") if "/attachments/" in (one.get("href") or ""))
    client.get(link)
    client.get(f"{base}/contents")

    assert events(stage)[start:] == [
        "cover.shown",
        "pupil.confirmed",
        "dispatch.opened",
        "notes.read",
        "attachment.downloaded",
        "notes.read",
    ]


def test_the_contents_are_shown_only_once_their_leaf_is_written(stage: Stage, browser, base, monkeypatch):
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")

    def fail(*arguments, **options):
        raise RuntimeError("the log cannot be written")

    monkeypatch.setattr("transfer_service.use_cases.transfers.reading.record_all", fail)
    response = client.get(f"{base}/contents")

    assert response.status_code == 500
    assert NOTE_TEXT not in response.text


def test_opening_needs_the_confirmation_and_a_post(stage: Stage, browser, base, dispatch_id):
    client = browser(stage.cora)

    assert client.get(f"{base}/open").status_code == 405
    assert list(refused(client, f"{base}/open", {"statement_version": "joining/1"}, page=f"{base}/cover")) == [
        "confirmed"
    ]

    assert dispatch_of(stage, dispatch_id).status is Status.SENT


def test_nobody_but_the_two_schools_leads_reaches_any_of_it(stage: Stage, browser, base):
    pages = ("", "/cover", "/contents", "/acknowledge", "/receipt", "/send-back", "/filed")
    for member, answers in ((stage.stella, {404}), (stage.cast.olive, {403}), (stage.cast.ada, {403})):
        assert {browser(member).get(base + page).status_code for page in pages} <= answers | {403, 404}
        assert not any(NOTE_TEXT in browser(member).get(base + page).text for page in pages)


def test_a_colleague_reads_only_what_she_opened_herself(stage: Stage, browser, base):
    follow(browser(stage.cora), f"{base}/open", OPEN, page=f"{base}/cover")
    dev = browser(stage.dev)

    assert dev.get(f"{base}/contents").status_code == 409
    follow(dev, f"{base}/open", OPEN, page=f"{base}/cover")

    assert NOTE_TEXT in text_of(dev.page(f"{base}/contents"))


def test_acknowledging_says_who_was_told_and_again_leads_to_the_same_receipt(stage: Stage, browser, base, dispatch_id):
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    said = refused(client, f"{base}/acknowledge", {"statement_version": "ack/1"})
    assert list(said) == ["confirmed", "senco_told", "key_staff_told"]

    assert follow(client, f"{base}/acknowledge", ACKNOWLEDGE) == f"{base}/receipt"
    assert follow(client, f"{base}/acknowledge", ACKNOWLEDGE, page="/accessibility") == f"{base}/receipt"

    assert dispatch_of(stage, dispatch_id).status is Status.ACKNOWLEDGED
    assert events(stage).count("dispatch.acknowledged") == 1


def test_after_each_acknowledgement_the_next_file_is_offered(stage: Stage, browser, base):
    other = dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    follow(client, f"{base}/acknowledge", ACKNOWLEDGE)

    page = client.page(f"{base}/receipt")

    links = {" ".join(one.itertext()).strip(): one.get("href") for one in page.iter("a")}
    assert links["Next file (2 of 2)"] == f"/transfers/{reference_of(stage, other)}/cover"


def test_a_damaged_attachment_takes_nothing_else_away(stage: Stage, browser):
    made = draft(stage, stage.alma, stage.cast.receiving)
    item_id = add_attachment(stage, stage.alma, made, name="second.pdf")
    send(stage, stage.alma, made)
    with stage.database.reading() as session:
        key = session.get_one(Item, item_id).blob_key
    blob = next(one for one in stage.blobs.rglob("*") if one.is_file() and one.name in (key or ""))
    blob.write_bytes(blob.read_bytes()[:-1] + b"\x00")
    base = f"/transfers/{reference_of(stage, made)}"
    client = browser(stage.cora)

    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    page = text_of(client.page(f"{base}/contents"), "main")

    assert NOTE_TEXT in page
    response = client.get(f"{base}/attachments/{item_id}")
    assert response.status_code == 409
    assert "Ask the sending school to seal it again" in response.text
    refusal = client.post_form(f"{base}/acknowledge", ACKNOWLEDGE)
    assert refusal.status_code == 422
    assert "Not every item has been opened" in refusal.text


def test_a_damaged_note_is_named_with_who_can_help_and_sealing_again_does_not_hide_it(stage: Stage, browser):
    made = draft(stage, stage.alma, stage.cast.receiving, attachments=["genogram.pdf"])
    send(stage, stage.alma, made)
    with stage.database.writing() as session:
        places = session.query(DispatchItem).filter_by(dispatch_id=made).all()
        note = next(place.item for place in places if place.item.kind is ItemKind.NOTE)
        body = bytearray(note.ciphertext or b"")
        body[-1] ^= 1
        session.execute(update(Item).where(Item.id == note.id).values(ciphertext=bytes(body)))
    base = f"/transfers/{reference_of(stage, made)}"
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")

    page = text_of(client.page(f"{base}/contents"), "main")

    assert "A note cannot be shown" in page
    assert "Ask the sending school to seal it again" in page
    assert "genogram.pdf" in page
    follow(browser(stage.alma), f"{base}/reseal", {}, page=base)


def test_a_file_of_which_nothing_opens_stays_sent_and_says_who_can_help(stage: Stage, browser, dispatch_id, base):
    with stage.database.writing() as session:
        session.execute(update(Item).values(ciphertext_sha256=b"\x00" * 32))
    client = browser(stage.cora)

    cover = text_of(client.page(f"{base}/cover"), "main")

    assert "This cover sheet cannot be opened" in cover
    assert client.post_form(f"{base}/open", OPEN, page="/accessibility").status_code == 409
    assert dispatch_of(stage, dispatch_id).status is Status.SENT


def test_many_nils_are_acknowledged_at_once(stage: Stage, browser):
    made = [empty_draft(stage, stage.alma, stage.cast.receiving) for _ in range(3)]
    for one in made:
        declare_nil(stage, stage.alma, one)
    names = [reference_of(stage, one) for one in made]
    client = browser(stage.cora)
    form = {"statement_version": "nil-ack/1", "confirmed": "yes"}
    assert list(refused(client, "/inbox/nils", form)) == ["references"]

    assert follow(client, "/inbox/nils", {**form, "references": names[:2]}) == "/inbox"

    states = [dispatch_of(stage, one).status for one in made]
    assert states == [Status.ACKNOWLEDGED, Status.ACKNOWLEDGED, Status.SENT]
    third = follow(client, "/inbox/nils", {**form, "references": names[2]}, page=f"/transfers/{names[2]}/cover")
    assert third == f"/transfers/{names[2]}/receipt"
    assert "No nil declaration awaits" in text_of(client.page("/inbox/nils"))


def test_a_file_among_the_nils_is_refused_by_its_reference_and_the_others_are_done(stage: Stage, browser, dispatch_id):
    nil = empty_draft(stage, stage.alma, stage.cast.receiving)
    declare_nil(stage, stage.alma, nil)
    names = [reference_of(stage, nil), reference_of(stage, dispatch_id)]
    form = {"statement_version": "nil-ack/1", "confirmed": "yes", "references": names}

    response = browser(stage.cora).post_form("/inbox/nils", form)

    assert response.status_code == 422
    assert f"{names[1]}: This is a file" in response.text
    assert dispatch_of(stage, nil).status is Status.ACKNOWLEDGED


def test_an_attachment_is_saved_and_never_shown_in_the_page(stage: Stage, browser, base):
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    page = client.page(f"{base}/contents")
    link = next(one.get("href") for one in page.iter("a") if "/attachments/" in (one.get("href") or ""))

    response = client.get(link)

    assert response.data == PDF
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response.headers["Cache-Control"]


def test_filing_needs_the_export_first(stage: Stage, browser, base, dispatch_id):
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    assert client.get(f"{base}/filed").status_code == 404
    follow(client, f"{base}/acknowledge", ACKNOWLEDGE)
    statement = {"statement_version": "filed/1", "confirmed": "yes"}
    response = client.post_form(f"{base}/filed", statement)
    assert response.status_code == 422
    assert "Download the whole file" in response.text

    assert client.post_form(f"{base}/archive", page=f"{base}/filed").status_code == 200
    assert follow(client, f"{base}/filed", statement) == base

    assert dispatch_of(stage, dispatch_id).filed_at is not None
    assert follow(client, f"{base}/filed", statement, page="/accessibility") == base


def test_the_whole_file_leaves_only_after_the_password_was_given_again(stage: Stage, browser, base, dispatch_id):
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    stage.clock.move(minutes=10)
    page = f"{base}/contents?number=1"

    asked = client.post(
        f"{base}/archive?number=1",
        data={"csrf_token": client.token(page)},
        headers={"Sec-Fetch-Site": "same-origin", "Referer": f"http://localhost{page}"},
    )

    assert asked.status_code == 303
    assert asked.headers["Location"] == "/confirm-password?" + urlencode({"next": page})
    assert dispatch_of(stage, dispatch_id).exported_at is None
    with stage.database.writing() as session:
        row = session.scalars(select(SignInSession).where(SignInSession.id == stage.cora.actor.session_id)).one()
        row.password_given_at = stage.clock()
    assert client.post_form(f"{base}/archive?number=1", page=page).status_code == 200
    assert dispatch_of(stage, dispatch_id).exported_at is not None


def test_a_whole_file_waits_for_its_turn_and_is_not_exported_where_none_comes(stage: Stage, browser, app):
    dispatch_id = dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.cora)
    app.extensions[ARCHIVES] = Turns(at_once=0, wait_seconds=0.01)

    refused = client.post_form(f"{base}/archive", page=f"{base}/filed")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert dispatch_of(stage, dispatch_id).exported_at is None
    app.extensions[ARCHIVES] = Turns(at_once=1, wait_seconds=0.01)
    for _ in range(2):
        answer = client.post_form(f"{base}/archive", page=f"{base}/filed")
        assert answer.status_code == 200
        answer.close()
    assert dispatch_of(stage, dispatch_id).exported_at is not None


def test_the_notes_are_read_by_kind_or_as_one_chronology(stage: Stage, browser):
    made = empty_draft(stage, stage.alma, stage.cast.receiving)
    for category, dated_on, said in (
        (NoteCategory.RISK, date(2026, 5, 4), "The last thing"),
        (NoteCategory.RISK, date(2024, 2, 1), "The first thing"),
        (NoteCategory.EARLY_HELP, date(2025, 1, 9), "The thing between"),
    ):
        add_note(stage, stage.alma, made, replace(a_note(said, category), dated_on=dated_on))
    send(stage, stage.alma, made)
    base = f"/transfers/{reference_of(stage, made)}"
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")

    by_kind = client.page(f"{base}/contents")
    (link,) = [one.get("href") for one in by_kind.iter("a") if text_of(one) == "By date"]
    by_date = client.page(f"{base}/contents{link}")

    def told(page) -> list[str]:
        said = text_of(page, "main")
        return sorted(("The first thing", "The thing between", "The last thing"), key=said.index)

    assert told(by_kind) == ["The thing between", "The first thing", "The last thing"]
    assert [text_of(one) for one in by_kind.iter("h3")] == ["Early help (CAF)", "Risk to the child or to others"]
    assert told(by_date) == ["The first thing", "The thing between", "The last thing"]
    assert [text_of(one) for one in by_date.iter("h3")] == [
        "1 February 2024 , Risk to the child or to others",
        "9 January 2025 , Early help (CAF)",
        "4 May 2026 , Risk to the child or to others",
    ]


def test_one_note_alone_is_offered_in_no_order(stage: Stage, browser, dispatch_id, base):
    client = browser(stage.cora)
    follow(client, f"{base}/open", OPEN, page=f"{base}/cover")
    assert "By date" not in text_of(client.page(f"{base}/contents"), "main")
