"""The auditor's pages: every look is logged first, and nobody sees beyond the own authority."""

import pytest
from sqlalchemy import text

from tests.html import parse_page, text_of
from tests.integration.web.authority.looks import events_after, log_size, make, reference_of, rows_of
from tests.integration.web.authority.test_school_page import move_school
from transfer_service.domain.transfer import Status

SEARCH = "/authority/audit/search"


def entries_of(page) -> list[str]:
    return [cells[1] for cells in rows_of(page) if len(cells) == 3 and cells[2].isdigit()]


def test_the_look_stands_in_the_log_before_the_page(stage, client_for):
    before = log_size(stage)
    page = client_for(stage.cast.olive).page("/authority/audit")
    assert events_after(stage, before) == ["audit.listed"]
    assert entries_of(page)[0].startswith("Olive Hartley looked at the log Warwickshire")


@pytest.mark.parametrize(
    "typed, address",
    [
        ({}, "/authority/audit"),
        ({"school": "125580"}, "/authority/audit?school=125580"),
        ({"event": "dispatch.sent"}, "/authority/audit?event=dispatch.sent"),
        (
            {"from_on-day": "1", "from_on-month": "9", "from_on-year": "2026"},
            "/authority/audit?from_on=2026-09-01",
        ),
    ],
)
def test_what_is_typed_becomes_an_address_of_ids(stage, client_for, typed, address):
    response = client_for(stage.cast.olive).post_form(SEARCH, typed)
    assert (response.status_code, response.headers["Location"]) == (303, address)


def test_a_person_is_found_by_address_and_shown_by_name(stage, client_for):
    make(stage, Status.SENT)
    client = client_for(stage.cast.olive)
    response = client.post_form(SEARCH, {"email": "ALMA.reyes@example.org", "event": "dispatch.sent"})
    location = response.headers["Location"]
    assert "alma" not in location.lower()
    page = client.page(location)
    assert len(entries_of(page)) == 1
    assert entries_of(page)[0].startswith("Alma Reyes sent the file Alderford Primary School")


def test_days_are_days_in_england_and_both_ends_count(stage, client_for):
    client = client_for(stage.cast.olive)
    make(stage, Status.DRAFT)
    assert len(entries_of(client.page("/authority/audit?event=transfer.created&from_on=2026-09-07"))) == 1
    assert len(entries_of(client.page("/authority/audit?event=transfer.created&to_on=2026-09-07"))) == 1
    assert entries_of(client.page("/authority/audit?event=transfer.created&to_on=2026-09-06")) == []


@pytest.mark.parametrize(
    "typed, field",
    [
        ({"email": "oscar.penrose@example.org"}, "email"),
        ({"email": "nobody"}, "email"),
        ({"school": "999999"}, "school"),
        ({"reference": "PT-0000-0000"}, "reference"),
        ({"reference": "nonsense"}, "reference"),
        ({"event": "no.event"}, "event"),
        (
            {
                "from_on-day": "2", "from_on-month": "9", "from_on-year": "2026",
                "to_on-day": "1", "to_on-month": "9", "to_on-year": "2026",
            },
            "to_on-day",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_found_is_said_beside_its_field(stage, client_for, typed, field):
    response = client_for(stage.cast.olive).post_form(SEARCH, typed)
    assert response.status_code == 422
    assert f'href="#{field}"' in response.text


@pytest.mark.parametrize("query", ["?before=x", "?person=nobody", "?unknown=1", "?from_on=yesterday"])
def test_an_address_that_is_none_of_ours_leads_to_the_search(stage, client_for, query):
    before = log_size(stage)
    response = client_for(stage.cast.olive).get(f"/authority/audit{query}")
    assert response.status_code == 422
    assert events_after(stage, before) == []


def test_an_index_that_no_log_reaches_shows_the_newest_entries(stage, client_for):
    client = client_for(stage.cast.olive)
    newest = client.page("/authority/audit?school=125580")
    beyond = client.page(f"/authority/audit?school=125580&before={'9' * 30}")
    assert rows_of(beyond) == rows_of(newest)
    assert len(rows_of(beyond)) > 1


def test_pages_of_the_log_lose_and_repeat_nothing(stage, client_for, monkeypatch):
    monkeypatch.setattr("transfer_service.use_cases.oversight.auditing.PAGE_LENGTH", 20)
    client, address, seen = client_for(stage.cast.olive), "/authority/audit?school=125580", []
    while address:
        page = client.page(address)
        seen += [int(cells[2]) for cells in rows_of(page) if len(cells) == 3 and cells[2].isdigit()]
        address = next((link.get("href") for link in page.iter("a") if link.get("rel") == "next"), None)
    with stage.database.reading() as session:
        school = session.scalars(
            text("SELECT idx FROM log_leaf WHERE org = (SELECT id FROM school WHERE urn = '125580') ORDER BY idx DESC")
        )
        assert seen == list(school)


def test_the_story_of_a_transfer_is_told_from_its_beginning(stage, client_for):
    reference = reference_of(stage, make(stage, Status.ACKNOWLEDGED))
    before = log_size(stage)
    page = client_for(stage.cast.olive).page(f"/authority/audit/transfers/{reference}")
    assert events_after(stage, before) == ["audit.listed"]
    told = entries_of(page)
    assert told[0].startswith("Alma Reyes recorded a move Alderford Primary School")
    assert any(one.startswith("Cora Whitlock opened the file Birchwater High School") for one in told)
    assert told[-1].startswith("Olive Hartley looked at the log")
    assert "Zoë" not in text_of(page)


def test_of_another_authority_only_the_steps_are_told(stage, client_for):
    reference = reference_of(stage, make(stage, Status.ACKNOWLEDGED))
    move_school(stage, stage.cast.receiving, stage.cast.coventry)
    page = client_for(stage.cast.olive).page(f"/authority/audit/transfers/{reference}")
    told = text_of(page)
    assert "Somebody opened the file" in told
    assert "Somebody acknowledged the file" in told
    assert "Cora" not in told
    assert "confirmed that the pupil is joining" not in told
    listed = entries_of(client_for(stage.cast.olive).page(f"/authority/audit?reference={reference}"))
    assert not any("Cora" in one for one in listed)


def test_nothing_of_another_authority_is_found(stage, client_for):
    reference = reference_of(stage, make(stage, Status.ACKNOWLEDGED))
    client = client_for(stage.cast.oscar)
    assert "Alderford" not in text_of(client.page("/authority/audit"))
    for address in (
        f"/authority/audit/transfers/{reference}",
        "/authority/audit?school=125580",
        f"/authority/audit?person={stage.cast.alma.person_id}",
        f"/authority/audit?reference={reference}",
    ):
        assert client.get(address).status_code == 404


def test_the_state_of_the_log_is_on_the_page(stage, client_for):
    page = client_for(stage.cast.olive).page("/authority/audit")
    facts = text_of(page, "main")
    assert f"Entries {log_size(stage)}" in facts
    assert "Last signed Not yet" in facts


def test_a_damaged_entry_is_told_and_does_not_break_the_page(stage, client_for, monkeypatch):
    from transfer_service.audit.errors import LeafMalformed
    from transfer_service.use_cases.oversight import auditing

    real = auditing.decode_leaf

    def decode(body: bytes):
        leaf = real(body)
        if leaf.said.event == "audit.listed":
            raise LeafMalformed("The bytes are not a leaf of this log.")
        return leaf

    monkeypatch.setattr(auditing, "decode_leaf", decode)
    response = client_for(stage.cast.olive).get("/authority/audit")
    assert response.status_code == 200
    assert "is not as it was written" in text_of(parse_page(response.data))
