"""A school hands on what it received: from the page of the file to the cover sheet at the next school."""

import io
import re
import zipfile

import pytest

from tests.factories import a_note, add_note, dispatch_in, open_dispatch, send
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import day, follow, reference_of, refused
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.transfers.viewing import find_dispatch

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


def test_the_next_school_reads_which_school_wrote_which_note_on_the_page_and_in_its_archive(stage: Stage, browser):
    base = received(stage)
    onward = follow(browser(stage.cora), f"{base}/forward", TO_STRANGER, page=f"{base}/forward?q=125582")
    with stage.database.reading() as session:
        going = find_dispatch(session, stage.cora.actor, reference=onward.rsplit("/", 1)[-1])
    add_note(stage, stage.cora, going, a_note("She settled in well at our school."))
    send(stage, stage.cora, going)
    open_dispatch(stage, stage.stella, going)
    stella = browser(stage.stella)
    page = text_of(stella.page(f"{onward}/contents"), "main")
    assert "Sealed by: Alma Reyes, Alderford Primary School, Rugby, Warwickshire, URN 125580" in page
    assert "genogram.pdf Sealed by Alderford Primary School, Rugby, Warwickshire, URN 125580" in page
    assert "Sealed by: Cora Whitlock" in page
    assert "Sealed by: Cora Whitlock," not in page
    answer = stella.post_form(f"{onward}/archive", page=f"{onward}/contents")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    reference = onward.rsplit("/", 1)[-1]
    written = archive.read(f"{reference}/safeguarding-file.txt").decode("utf-8-sig").splitlines()
    assert "Written by: Alma Reyes, Alderford Primary School" in written
    assert (
        "Provenance: Sealed by Alderford Primary School, Rugby, Warwickshire, URN 125580, forwarded by Birchwater High "
        "School, Nuneaton, Warwickshire, URN 125581 and sent on 7 September 2026"
    ) in written
    assert "Written by: Cora Whitlock, Birchwater High School" in written
    assert (
        "Provenance: Sealed by Birchwater High School, Nuneaton, Warwickshire, URN 125581 and sent on 7 September 2026"
    ) in written
