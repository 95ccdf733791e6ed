"""The pages on which a school renews its key, or puts it out of use."""

from datetime import UTC, date, datetime

import pytest

from tests.factories import dispatch_in
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import follow, refused
from tests.observing import leaves
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


@pytest.mark.parametrize("name", ["edie", "hugh", "olive", "ada"])
def test_nobody_else_finds_these_pages(stage: Stage, browser, name: str):
    client = browser(getattr(stage.cast, name))
    for address in (RENEWAL, f"{RENEWAL}/new", "/school-key/exposure"):
        assert client.get(address).status_code == 403, address


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
