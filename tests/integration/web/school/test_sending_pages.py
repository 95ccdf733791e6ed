"""Sending: checked first, safe to click twice, sealed for later where the receiver has no key; nil declarations."""

from xml.etree.ElementTree import Element

import pytest
from sqlalchemy import select

from tests.factories import add_note, draft, empty_draft
from tests.html import parse_page, text_of
from tests.integration.transfers.stage import Stage, enrol_keyless
from tests.integration.web.school.browsing import dispatch_of, follow, reference_of, refused
from transfer_service.db.models import ItemGrant
from transfer_service.domain.transfer import DispatchKind, Status

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
SEND = {"statement_version": "send/1", "confirmed": "yes"}
NIL = {"statement_version": "nil/1", "confirmed": "yes"}


def test_nothing_is_sent_without_the_statement(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)

    assert list(refused(client, f"{base}/check", {"statement_version": "send/1"})) == ["confirmed"]
    said = client.post_form(f"{base}/check", {**SEND, "statement_version": "send/0"})
    assert said.status_code == 422
    assert "The wording of the statement has changed" in said.text

    assert dispatch_of(stage, dispatch_id).status is Status.DRAFT


@pytest.mark.parametrize(("page", "statement"), [("check", SEND), ("nil", NIL)])
def test_nothing_goes_to_a_school_that_was_chosen_after_the_page_was_opened(stage: Stage, browser, page, statement):
    make = draft if page == "check" else empty_draft
    dispatch_id = make(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)
    seen = hidden(client.page(f"{base}/{page}"), "seen")
    follow(browser(stage.ben), f"{base}/school", {"receiving_school": "125582"})

    response = client.post_form(f"{base}/{page}", {**statement, "seen": seen})

    assert response.status_code == 422
    shown = parse_page(response.data)
    assert "This was changed after you opened the page" in text_of(shown, "main")
    assert "Cloverhill School" in text_of(shown, "main")
    assert dispatch_of(stage, dispatch_id).status is Status.DRAFT
    assert follow(client, f"{base}/{page}", {**statement, "seen": hidden(shown, "seen")}) == base
    assert dispatch_of(stage, dispatch_id).receiving_school_id == stage.cast.stranger


def test_a_note_that_a_colleague_added_since_is_not_sent_unseen(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)
    seen = hidden(client.page(f"{base}/check"), "seen")
    add_note(stage, stage.ben, dispatch_id)

    assert client.post_form(f"{base}/check", {**SEND, "seen": seen}).status_code == 422
    assert dispatch_of(stage, dispatch_id).status is Status.DRAFT


def hidden(tree: Element, name: str) -> str:
    """The value of a hidden input."""
    return next(one.get("value") or "" for one in tree.iter("input") if one.get("name") == name)


def test_a_second_click_finds_it_sent(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)
    follow(client, f"{base}/check", SEND)
    before = dispatch_of(stage, dispatch_id)

    assert follow(client, f"{base}/check", SEND, page="/accessibility") == base

    assert "Nothing was sent twice" in text_of(client.page(base), "main")
    assert dispatch_of(stage, dispatch_id).sent_leaf == before.sent_leaf


def test_an_empty_file_is_not_sent(stage: Stage, browser):
    base = f"/transfers/{reference_of(stage, empty_draft(stage, stage.alma, stage.cast.receiving))}"
    client = browser(stage.alma)

    response = client.post_form(f"{base}/check", SEND)

    assert response.status_code == 422
    assert "There is nothing in this file" in response.text


def test_a_file_for_a_school_without_a_key_waits_and_is_delivered_by_itself(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.keyless)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)
    assert "has no key in this service yet" in text_of(client.page(f"{base}/check"), "main")
    follow(client, f"{base}/check", SEND)
    assert dispatch_of(stage, dispatch_id).status is Status.WAITING
    assert "no key yet, so it cannot open it" in text_of(client.page(base), "main")
    kit = enrol_keyless(stage)
    assert "Once your school has its key" in text_of(browser(kit).page(base), "main")

    client.page("/")

    assert dispatch_of(stage, dispatch_id).status is Status.SENT
    opened = follow(
        browser(kit), f"{base}/open", {"statement_version": "joining/1", "confirmed": "yes"}, page=f"{base}/cover"
    )
    assert opened == f"{base}/contents"


def test_somebody_without_the_key_sends_nothing_and_breaks_no_page(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.keyless)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    follow(browser(stage.alma), f"{base}/check", SEND)
    with stage.database.reading() as session:
        before = len(session.scalars(select(ItemGrant)).all())

    browser(stage.cast.hugh).page("/")
    browser(stage.edie).page("/")

    with stage.database.reading() as session:
        assert len(session.scalars(select(ItemGrant)).all()) == before


def test_a_nil_is_declared_with_its_statement(stage: Stage, browser):
    dispatch_id = empty_draft(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)
    assert follow(client, f"{base}/held", {"held": "nil"}) == f"{base}/nil"
    assert list(refused(client, f"{base}/held", {})) == ["held"]
    assert list(refused(client, f"{base}/nil", {"statement_version": "nil/1"})) == ["confirmed"]

    assert follow(client, f"{base}/nil", NIL) == base

    sent = dispatch_of(stage, dispatch_id)
    assert (sent.status, sent.kind, sent.statement_version) == (Status.SENT, DispatchKind.NIL, "nil/1")


def test_a_nil_cannot_be_declared_where_there_is_something(stage: Stage, browser):
    dispatch_id = draft(stage, stage.alma, stage.cast.receiving)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"

    response = browser(stage.alma).post_form(f"{base}/nil", NIL)

    assert response.status_code == 422
    assert "you do hold information" in response.text
    assert dispatch_of(stage, dispatch_id).status is Status.DRAFT
