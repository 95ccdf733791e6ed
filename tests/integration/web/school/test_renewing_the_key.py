"""The pages on which a school renews its key, or puts it out of use."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import update

from tests.factories import dispatch_in
from tests.html import text_of
from tests.integration.keys.reencrypting import failures
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import follow, reference_of, refused
from tests.observing import leaves
from transfer_service.db.models import Item, SchoolEpoch
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys.showing import show_school_key

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
RENEWAL = "/school-key/renewal"


def test_a_lead_makes_a_new_key_and_seals_everything_to_it(stage: Stage, browser):
    dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    client = browser(stage.cora)
    assert "Everything is sealed to the present key." in text_of(client.page(RENEWAL), "main")

    assert follow(client, f"{RENEWAL}/new", {}) == RENEWAL
    assert "0 of 2 keys" in text_of(client.page(RENEWAL), "main")
    assert follow(client, RENEWAL, {}) == RENEWAL

    said = text_of(client.page(RENEWAL), "main")
    assert "Nothing is sealed to an earlier key any more." in said
    assert stage.cora.school_keys(stage.service).active[0] == 2


def test_the_key_is_put_out_of_use_only_where_that_is_confirmed(stage: Stage, browser):
    client = browser(stage.cora)
    assert list(refused(client, "/school-key/exposure", {})) == ["confirmed"]
    assert "epoch.retired" not in [leaf.event for leaf in leaves(stage.service)]

    assert follow(client, "/school-key/exposure", {"confirmed": "yes"}) == "/"

    assert "epoch.retired" in [leaf.event for leaf in leaves(stage.service)]


def test_a_lead_encrypts_everything_again_and_both_schools_still_read_it(stage: Stage, browser):
    kept = dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["a.pdf"])
    client = browser(stage.cora)
    assert "Encrypt everything again" not in text_of(client.page(RENEWAL), "main")
    stage.clock.move(minutes=1)
    follow(client, f"{RENEWAL}/new", {})
    said = text_of(client.page(RENEWAL), "main")
    assert "0 of 3 notes, attachments and cover sheets have been encrypted since the present key was made" in said
    assert follow(client, f"{RENEWAL}/encryption", {}) == RENEWAL
    said = text_of(client.page(RENEWAL), "main")
    assert "3 of 3 notes" in said
    assert "Go on encrypting" not in said
    assert (failures(stage, stage.alma, kept), failures(stage, stage.cora, kept)) == ([], [])
    sender = browser(stage.alma)
    told = text_of(sender.page(f"/transfers/{reference_of(stage, kept)}"), "main")
    assert "Cora Whitlock" in told
    assert "encrypted 3 items again under new keys; their contents stayed as they were" in told


def test_a_renewal_that_was_not_finished_awaits_the_lead_and_goes_on_at_the_next_sign_in(stage: Stage, browser):
    dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    client = browser(stage.cora)
    assert "Your school’s key" not in text_of(client.page("/"), "main")
    stage.clock.move(minutes=1)
    follow(client, f"{RENEWAL}/new", {})
    assert "2 parts are still sealed to an earlier key" in text_of(client.page("/"), "main")
    assert client.get("/arrive?later=yes").status_code == 303
    assert "Your school’s key" not in text_of(client.page("/"), "main")


def test_a_key_that_is_overdue_awaits_the_lead(stage: Stage, browser):
    client = browser(stage.cora)
    with stage.database.writing() as session:
        session.execute(update(SchoolEpoch).values(created_at=datetime(2025, 9, 1, 8, tzinfo=UTC)))
    said = text_of(client.page("/"), "main")
    assert "A new key is to be made by 30 June 2026" in said
    assert "Overdue" in said


def test_the_password_is_asked_for_again_before_everything_is_encrypted_again(stage: Stage, browser):
    client = browser(stage.cora)
    stage.clock.move(minutes=1)
    follow(client, f"{RENEWAL}/new", {})
    dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.execute(update(Item).values(created_at=datetime(2026, 9, 1, 8, tzinfo=UTC)))
    stage.clock.move(minutes=11)
    assert follow(client, f"{RENEWAL}/encryption", {}).startswith("/confirm-password")
    assert "item.reencrypted" not in [leaf.event for leaf in leaves(stage.service)]


@pytest.mark.parametrize("name", ["edie", "hugh", "olive", "ada"])
def test_nobody_else_finds_these_pages(stage: Stage, browser, name: str):
    client = browser(getattr(stage.cast, name))
    for address in (RENEWAL, f"{RENEWAL}/new", "/school-key/exposure"):
        assert client.get(address).status_code == 403, address
    for address in (RENEWAL, f"{RENEWAL}/new", f"{RENEWAL}/encryption", "/school-key/exposure"):
        assert client.post_form(address, {}, page="/accessibility").status_code == 403, address


@pytest.mark.parametrize("address", [f"{RENEWAL}/new", "/school-key/exposure"])
def test_the_password_is_asked_for_again_first(stage: Stage, browser, address: str):
    stage.clock.move(minutes=11)
    asked = browser(stage.cora).get(address)
    assert asked.status_code == 303
    assert "password" in asked.location


def test_before_the_next_summer_the_page_asks_for_a_new_key(stage: Stage):
    def shown():
        with stage.database.reading() as session:
            found = show_school_key(session, stage.at, stage.cora.actor)
        return found.renew_by, found.is_due

    assert shown() == (date(2027, 6, 30), False)
    stage.clock.set(datetime(2027, 6, 29, 12, tzinfo=UTC))
    assert shown() == (date(2027, 6, 30), False)
    stage.clock.set(datetime(2027, 6, 30, 12, tzinfo=UTC))
    assert shown() == (date(2027, 6, 30), True)
