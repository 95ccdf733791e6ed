"""A school's page, a transfer's standing, and the pupil's name for a reason."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.html import parse_page, text_of
from tests.integration.web.authority.looks import (
    LATER,
    events_after,
    log_size,
    make,
    reference_of,
    row_of,
    rows_of,
)
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db.models import LogLeaf, School
from transfer_service.domain.transfer import Status

PUPIL_WORDS = ("Zoë", "O'Brien", "O&#39;Brien", "Łącki", "H801200001001")


def move_school(stage, school_id, authority_id) -> None:
    """Make a school one of the neighbouring authority."""
    with stage.database.writing() as session:
        session.get_one(School, school_id).authority_id = authority_id


def test_a_pupil_is_a_reference_initials_and_a_year_of_birth(stage, client_for):
    reference = reference_of(stage, make(stage, Status.SENT))
    before = log_size(stage)
    response = client_for(stage.cast.olive).get("/authority/schools/125580")
    assert response.status_code == 200
    assert events_after(stage, before) == ["transfers.listed"]
    cells = row_of(parse_page(response.data), reference)
    assert cells[1] == "ZO, born 2014"
    assert cells[2] == "Birchwater High School Nuneaton, URN 125581"
    assert cells[3].startswith("Sent Safeguarding file")
    assert cells[4] == "On time Sent 7 September 2026 Due 14 September 2026"
    assert cells[5].startswith("Not due yet Due 14 September 2026")
    for word in (*PUPIL_WORDS, factories.NOTE_TEXT[:12]):
        assert word not in response.text


@pytest.mark.parametrize(
    "query, statuses",
    [
        ("?show=overdue", ["Draft"]),
        ("", ["Draft", "Sent"]),
        ("?show=all", ["Acknowledged", "Draft", "Sent"]),
        ("?box=received&show=all", []),
    ],
)
def test_the_list_shows_what_is_asked_for(stage, client_for, query, statuses):
    for status in (Status.DRAFT, Status.SENT, Status.ACKNOWLEDGED):
        make(stage, status)
    stage.clock.set(LATER)
    page = client_for(stage.cast.olive).page(f"/authority/schools/125580{query}")
    assert sorted(cells[3].split()[0] for cells in rows_of(page) if cells[0].startswith("PT-")) == statuses


def test_the_receiving_school_lists_what_it_owes(stage, client_for):
    reference = reference_of(stage, make(stage, Status.OPENED))
    make(stage, Status.DRAFT)
    stage.clock.set(LATER)
    page = client_for(stage.cast.olive).page("/authority/schools/125581?box=received&show=overdue")
    listed = [cells for cells in rows_of(page) if cells[0].startswith("PT-")]
    assert [cells[0] for cells in listed] == [reference]
    assert listed[0][5] == "Overdue Due 14 September 2026 Opened 7 September 2026"


def test_a_long_list_goes_on_without_losing_or_repeating_a_row(stage, client_for, monkeypatch):
    monkeypatch.setattr("transfer_service.use_cases.oversight.school_exchange.PAGE_LENGTH", 2)
    made = {reference_of(stage, make(stage, Status.DRAFT)) for _ in range(5)}
    client, address, seen = client_for(stage.cast.olive), "/authority/schools/125580?show=all", []
    while address:
        page = client.page(address)
        seen += [cells[0] for cells in rows_of(page) if cells[0].startswith("PT-")]
        following = next((link.get("href") for link in page.iter("a") if link.get("rel") == "next"), None)
        address = f"/authority/schools/125580{following}" if following else None
    assert len(seen) == 5
    assert set(seen) == made


def test_an_address_of_a_page_that_there_is_not_is_refused(stage, client_for):
    assert client_for(stage.cast.olive).get("/authority/schools/125580?after=nonsense").status_code == 422


def test_each_authority_sees_its_half_of_a_move_across_the_border(stage, client_for):
    reference = reference_of(stage, make(stage, Status.SENT))
    move_school(stage, stage.cast.receiving, stage.cast.coventry)
    sending = client_for(stage.cast.olive).page("/authority/schools/125580")
    assert row_of(sending, reference)[4].startswith("On time")
    assert row_of(sending, reference)[5] == "Overseen by Coventry"
    receiving = client_for(stage.cast.oscar).page("/authority/schools/125581?box=received")
    assert row_of(receiving, reference)[4].startswith("Overseen by Warwickshire")
    assert row_of(receiving, reference)[5].startswith("Not due yet")
    assert client_for(stage.cast.oscar).get("/authority/schools/125580").status_code == 404


def test_the_other_authority_sees_no_draft(stage, client_for):
    reference = reference_of(stage, make(stage, Status.DRAFT))
    move_school(stage, stage.cast.receiving, stage.cast.coventry)
    assert client_for(stage.cast.oscar).get(f"/authority/transfers/{reference}").status_code == 404
    assert client_for(stage.cast.olive).get(f"/authority/transfers/{reference}").status_code == 200


def test_a_transfer_tells_how_it_stands_and_is_logged(stage, client_for):
    dispatch_id = make(stage, Status.REJECTED)
    reference, before = reference_of(stage, dispatch_id), log_size(stage)
    page = client_for(stage.cast.olive).page(f"/authority/transfers/{reference.lower()}")
    assert events_after(stage, before) == ["transfers.listed"]
    assert "It went to the wrong school" in row_of(page, reference)[3]


def test_a_row_whose_columns_were_changed_is_told_and_does_not_break_the_page(stage, client_for):
    from transfer_service.db.models import Dispatch

    first, second = make(stage, Status.DRAFT), make(stage, Status.DRAFT)
    with stage.database.writing() as session:
        transfer = session.get_one(Dispatch, first).transfer
        transfer.surname = session.get_one(Dispatch, second).transfer.surname
    page = client_for(stage.cast.olive).page("/authority/schools/125580")
    assert row_of(page, reference_of(stage, first))[1] == "Cannot be read. Tell the administrator."
    assert row_of(page, reference_of(stage, second))[1] == "ZO, born 2014"


def test_the_list_can_be_taken_away_without_a_name_in_it(stage, client_for):
    reference = reference_of(stage, make(stage, Status.SENT))
    before = log_size(stage)
    response = client_for(stage.cast.olive).get("/authority/schools/125580/transfers.csv")
    assert events_after(stage, before) == ["compliance.exported"]
    lines = response.data.decode("utf-8-sig").split("\r\n")
    assert lines[1].startswith(f"{reference},1,ZO,2014,In-year move,Safeguarding file,Sent,")
    assert not any(word in lines[1] for word in PUPIL_WORDS)


def test_the_name_is_shown_for_a_reason_that_stands_in_the_log(stage, client_for):
    reference = reference_of(stage, make(stage, Status.SENT))
    client, before = client_for(stage.cast.olive), log_size(stage)
    address = f"/authority/transfers/{reference}/name"
    assert "Zoë" not in client.get(address).text
    response = client.post_form(address, {"basis": "court_order"})
    assert response.status_code == 200
    page = parse_page(response.data)
    assert text_of(page, "h1") == "Zoë O'Brien-Łącki"
    assert "Zoë" not in text_of(page, "title")
    assert events_after(stage, before) == ["pupil_name.shown"]
    with stage.database.reading() as session:
        leaf = decode_leaf(session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx.desc())).first())
    assert (leaf.said.basis, leaf.said.actor) == ("court_order", stage.cast.olive.person_id)


@pytest.mark.parametrize("basis", ["", "role", "curiosity"])
def test_no_name_is_shown_without_a_reason_from_the_list(stage, client_for, basis):
    reference = reference_of(stage, make(stage, Status.SENT))
    before = log_size(stage)
    response = client_for(stage.cast.olive).post_form(f"/authority/transfers/{reference}/name", {"basis": basis})
    assert response.status_code == 422
    assert 'href="#basis"' in response.text
    assert "Zoë" not in response.text
    assert events_after(stage, before) == []


def test_the_name_stays_hidden_when_its_leaf_cannot_be_written(stage, client_for, monkeypatch):
    from transfer_service.domain.errors import LogFrozen

    def refuse(*_: object, **__: object) -> None:
        raise LogFrozen

    reference = reference_of(stage, make(stage, Status.SENT))
    client = client_for(stage.cast.olive)
    monkeypatch.setattr("transfer_service.use_cases.oversight.school_exchange.record", refuse)
    response = client.post_form(f"/authority/transfers/{reference}/name", {"basis": "complaint"})
    assert response.status_code == 503
    assert "Zoë" not in response.text


def test_another_authority_is_shown_no_name(stage, client_for):
    reference = reference_of(stage, make(stage, Status.SENT))
    response = client_for(stage.cast.oscar).post_form(
        f"/authority/transfers/{reference}/name", {"basis": "complaint"}, page="/authority"
    )
    assert response.status_code == 404
    assert "Zoë" not in response.text
