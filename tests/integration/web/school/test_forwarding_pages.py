"""A school hands on what it received: from the page of the file to the cover sheet at the next school."""

import re

import pytest

from tests.factories import dispatch_in
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import day, follow, reference_of, refused
from transfer_service.domain.transfer import Status

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
TO_STRANGER = {"receiving_school": "125582", "kind": "in_year", **day("leaving_on", "4 9 2026")}


def received(stage: Stage, status: Status = Status.ACKNOWLEDGED) -> str:
    dispatch_id = dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"])
    return f"/transfers/{reference_of(stage, dispatch_id)}"


def test_a_received_file_goes_on_with_the_schools_own_words_and_names_both_schools(stage: Stage, browser):
    base = received(stage)
    cora = browser(stage.cora)
    assert f"{base}/forward" in str(cora.get(base).data)
    leads_to = follow(cora, f"{base}/forward", TO_STRANGER, page=f"{base}/forward?q=125582")
    assert re.fullmatch(r"/transfers/PT-[0-9A-Z]{4}-[0-9A-Z]{4}", leads_to)
    assert leads_to != base
    assert "Sealed by an earlier school" in text_of(cora.page(f"{leads_to}/attachments"), "main")
    checked = cora.page(f"{leads_to}/check")
    assert "genogram.pdf" in text_of(checked, "main")


def test_the_next_school_and_the_move_are_asked_for(stage: Stage, browser):
    base = received(stage)
    client = browser(stage.cora)
    found = refused(client, f"{base}/forward", {}, page=f"{base}/forward?q=125582")
    assert list(found) == ["receiving_school", "kind", "leaving_on"]


def test_ones_own_school_is_refused_beside_the_choice(stage: Stage, browser):
    base = received(stage)
    data = {**TO_STRANGER, "receiving_school": "125581"}
    assert list(refused(browser(stage.cora), f"{base}/forward", data, page=f"{base}/forward?q=125581")) == [
        "receiving_school"
    ]


def test_the_link_stands_only_on_an_acknowledged_file_and_the_sender_finds_no_page(stage: Stage, browser):
    base = received(stage, Status.OPENED)
    assert f"{base}/forward" not in str(browser(stage.cora).get(base).data)
    assert browser(stage.alma).get(f"{base}/forward").status_code == 404
    assert browser(stage.edie).get(f"{base}/forward").status_code == 403
