"""What awaits whom: the start page, the inbox, the lists with their pages, the school's calendar."""

import re

import pytest

from tests.cast import join_service
from tests.factories import dispatch_in
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import day, dispatch_of, follow, reference_of, refused
from tests.integration.web.school.signing_in import signed_in_again
from transfer_service.domain.roles import Role
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.transfers import listing

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


def made(stage: Stage, status: Status, **more) -> str:
    return reference_of(
        stage,
        dispatch_in(
            stage,
            status,
            sender=stage.alma,
            receiver=stage.cora,
            keyless_school_id=stage.cast.keyless,
            **more,
        ),
    )


def test_the_start_page_puts_each_thing_where_it_belongs(stage: Stage, browser):
    draft, back, waiting = (made(stage, one) for one in (Status.DRAFT, Status.REJECTED, Status.WAITING))
    sent, opened = made(stage, Status.SENT), made(stage, Status.OPENED)
    done = made(stage, Status.ACKNOWLEDGED)

    sender = text_of(browser(stage.alma).page("/"), "main")
    receiver = text_of(browser(stage.cora).page("/"), "main")

    order = [sender.index(text) for text in ("To be sent", draft, "Sent back", back, "Waiting for", waiting)]
    assert order == sorted(order)
    assert done not in sender
    assert "Sent to your school (2)" in receiver
    assert sent in receiver
    assert opened in receiver


def test_a_draft_beyond_its_day_is_called_overdue(stage: Stage, browser):
    made(stage, Status.DRAFT)
    client = browser(stage.alma)
    assert "Due 14 September 2026" in text_of(client.page("/"), "main")

    stage.clock.move(days=8)
    ben = signed_in_again(stage.service, stage.ben)

    page = text_of(browser(ben).page("/"), "main")
    assert "1 overdue" in page
    assert "Overdue by 1 day" in page


def test_an_empty_start_page_says_what_to_do_next(stage: Stage, browser):
    page = text_of(browser(stage.alma).page("/"), "main")

    assert "Nothing awaits you" in page
    assert "Nothing awaits your school" in text_of(browser(stage.alma).page("/inbox"), "main")
    assert "There is nothing in this list" in text_of(browser(stage.alma).page("/transfers"), "main")


def test_each_kind_of_person_has_a_start_page(stage: Stage, browser):
    assert browser(stage.cast.olive).get("/").location == "/authority"
    assert browser(stage.cast.ada).get("/").status_code == 200
    assert "in hand or done" in text_of(browser(stage.edie).page("/"), "main")
    assert "in hand or done" in text_of(browser(stage.cast.hugh).page("/"), "main")
    unapproved = join_service(stage.service, name="Una Bright", role=Role.DEPUTY_DSL, school_id=stage.cast.receiving)
    assert browser(unapproved).get("/").status_code == 303


def test_the_office_learns_in_hand_or_done_and_nothing_finer(stage: Stage, browser):
    nil = made(stage, Status.ACKNOWLEDGED, kind=DispatchKind.NIL)
    file = made(stage, Status.SENT)

    for address in ("/", "/transfers", "/transfers?box=awaiting&status=sent"):
        page = text_of(browser(stage.edie).page(address), "main")
        assert re.search(rf"{nil}.*?Done", page)
        assert re.search(rf"{file}.*?In hand", page)
        assert "Nil" not in page
        assert "Acknowledged" not in page
    one = text_of(browser(stage.edie).page(f"/transfers/{nil}"), "main")
    assert "nil" not in one.lower()
    assert "What happened" not in one


def test_a_receiving_school_learns_the_name_on_the_cover_sheet_alone(stage: Stage, browser):
    reference = made(stage, Status.SENT)
    client = browser(stage.cora)
    for address in ("/", "/inbox", "/transfers?box=awaiting", f"/transfers/{reference}"):
        assert "Zoë" not in client.get(address).text

    client.page(f"/transfers/{reference}/cover")

    for address in ("/", "/inbox", "/transfers?box=awaiting", f"/transfers/{reference}"):
        assert "Zoë" in client.get(address).text


def test_urgent_comes_first_in_the_inbox(stage: Stage, browser):
    plain, urgent = made(stage, Status.SENT), made(stage, Status.SENT, urgent=True)

    page = text_of(browser(stage.cora).page("/inbox"), "main")

    assert page.index(urgent) < page.index(plain)


def test_a_list_goes_on_where_its_page_ended(stage: Stage, browser, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    references = [made(stage, Status.DRAFT) for _ in range(3)]
    client = browser(stage.alma)

    page = client.page("/transfers")
    following = next(one.get("href") for one in page.iter("a") if one.get("rel") == "next")
    rest = text_of(client.page(following), "main")

    assert references[2] in text_of(page, "main")
    assert references[0] in rest
    assert references[1] not in rest
    assert client.get("/transfers?after=nonsense").status_code == 404


def test_a_list_is_narrowed_by_state_and_an_unknown_one_shows_all(stage: Stage, browser):
    draft, sent = made(stage, Status.DRAFT), made(stage, Status.SENT)
    client = browser(stage.alma)

    narrowed = text_of(client.page("/transfers?box=out&status=sent"), "main")
    assert sent in narrowed
    assert draft not in narrowed
    assert draft in text_of(client.page("/transfers?box=nonsense&status=nonsense"), "main")


def test_a_transfer_is_found_however_its_reference_is_typed(stage: Stage, browser):
    reference = made(stage, Status.SENT)
    client = browser(stage.alma)

    assert client.get(f"/transfers/{reference.lower()}").status_code == 200
    assert client.get("/transfers/PT-0000-0001").status_code == 404
    assert client.get("/transfers/nonsense").status_code == 404


def test_the_page_of_a_transfer_tells_both_clocks_in_words(stage: Stage, browser):
    reference = made(stage, Status.SENT)

    page = text_of(browser(stage.alma).page(f"/transfers/{reference}"), "main")

    assert "Sent on 7 September 2026. It was due by 14 September 2026." in page
    assert "That is 5 school days from the later of leaving and the new school being known" in page
    assert "To be acknowledged by 14 September 2026." in page


def test_closed_days_are_added_once_and_removed(stage: Stage, browser):
    client = browser(stage.edie)
    form = {**day("closed_on", "25 9 2026"), "kind": "inset"}
    assert list(refused(client, "/calendar", {})) == ["closed_on", "kind"]
    follow(client, "/calendar", form)
    assert "25 September 2026" in text_of(client.page("/calendar"), "main")
    assert list(refused(client, "/calendar", form)) == ["closed_on-day"]

    follow(client, "/calendar/remove", {"closed_on": "2026-09-25"}, page="/calendar")

    assert "No closed days are recorded yet" in text_of(client.page("/calendar"), "main")
    assert client.post_form("/calendar/remove", {"closed_on": "2026-09-25"}, page="/calendar").status_code == 404
    assert list(refused(client, "/calendar/remove", {"closed_on": "x"}, page="/calendar")) == ["closed_on"]


def test_an_inset_day_moves_the_due_day_of_what_is_recorded_afterwards(stage: Stage, browser):
    follow(browser(stage.alma), "/calendar", {**day("closed_on", "9 9 2026"), "kind": "inset"})

    dispatch_id = dispatch_in(stage, Status.DRAFT, sender=stage.alma, receiver=stage.cora)

    assert str(dispatch_of(stage, dispatch_id).due_on) == "2026-09-15"
