"""Recording a transfer: one thing a page, nothing lost on the way, every doubt put to a person."""

import pytest
from sqlalchemy import func, select

from tests.cast import add_school
from tests.html import parse_page, text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import WRONG_LETTER, day, errors, follow, record_transfer, refused
from transfer_service.db.models import SchoolLink, Transfer
from transfer_service.use_cases.people.sessions import note_seen

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
PUPIL = {"forename": "Zoë", "surname": "O'Brien", **day("date_of_birth", "9 3 2014")}
MOVE = {"kind": "in_year", **day("leaving_on", "4 9 2026")}


def transfers(stage: Stage) -> list[Transfer]:
    with stage.database.reading() as session:
        return list(session.scalars(select(Transfer)))


def test_each_mistake_about_the_pupil_is_linked_to_its_field(stage: Stage, browser):
    said = refused(
        browser(stage.alma),
        "/transfers/new",
        {"forename": " ", "surname": "", **day("date_of_birth", "31 2 2014"), "upn": "A12"},
    )

    assert list(said) == ["forename", "surname", "date_of_birth-day", "upn"]


def test_a_birth_date_in_the_future_is_refused(stage: Stage, browser):
    said = refused(browser(stage.alma), "/transfers/new", {**PUPIL, **day("date_of_birth", "9 3 2031")})

    assert list(said) == ["date_of_birth-day"]


def test_what_was_typed_is_still_there_and_stands_in_no_address(stage: Stage, browser):
    client = browser(stage.alma)
    step = follow(client, "/transfers/new", PUPIL)

    page = client.page(step.replace("/move", "/pupil"))

    values = {one.get("name"): one.get("value") for one in page.iter("input")}
    assert (values["forename"], values["surname"], values["date_of_birth-year"]) == ("Zoë", "O'Brien", "2014")
    assert "Zo" not in step
    assert "Brien" not in step


def test_nobody_else_reaches_what_somebody_typed(stage: Stage, browser):
    step = follow(browser(stage.alma), "/transfers/new", PUPIL)

    assert browser(stage.ben).get(step).status_code == 404


def test_a_move_that_was_recorded_already_is_linked_before_it_is_recorded_again(stage: Stage, browser):
    client = browser(stage.alma)
    first = record_transfer(client)
    step = follow(client, "/transfers/new", {**PUPIL, "surname": "O'Brien-Łącki"})
    step = follow(client, step, MOVE)
    check = follow(client, step, {"receiving_school": "125581"}, page=step + "?q=125581")

    page = client.page(check)

    assert "Your school may have recorded this move already." in text_of(page)
    assert f"/transfers/{first}" in [link.get("href") for link in page.iter("a")]
    assert "with the same surname and date of birth" in text_of(page)
    assert follow(client, check, {}) != f"/transfers/{first}/held"
    assert len(transfers(stage)) == 2


def test_what_was_typed_is_kept_for_two_hours(stage: Stage, browser):
    client = browser(stage.alma)
    step = follow(client, "/transfers/new", PUPIL)
    for _ in range(6):
        stage.clock.move(minutes=20)
        with stage.database.writing() as session:
            note_seen(session, stage.at, stage.alma.actor)

    assert client.get(step).status_code == 404


@pytest.mark.parametrize(
    ("decision", "kept", "choice"),
    [("confirm", WRONG_LETTER, "confirmed"), ("clear", "None", "none"), ("correct", "H801200001001", "valid")],
)
def test_a_upn_that_looks_wrong_is_corrected_kept_or_left_out(stage: Stage, browser, decision, kept, choice):
    client = browser(stage.alma)
    warning = follow(client, "/transfers/new", {**PUPIL, "upn": WRONG_LETTER.lower()})
    assert "does not fit its numbers" in text_of(client.page(warning), "main")

    step = follow(client, warning, {"decision": decision, "upn": "H801200001001" if decision == "correct" else "x"})
    step = follow(client, step, MOVE)
    step = follow(client, step, {"receiving_school": "125581"}, page=step + "?q=125581")

    assert kept in text_of(client.page(step), "main")
    follow(client, step, {})
    assert [one.upn_choice for one in transfers(stage)] == [choice]


def test_a_corrected_upn_that_looks_wrong_too_is_asked_about_again(stage: Stage, browser):
    client = browser(stage.alma)
    warning = follow(client, "/transfers/new", {**PUPIL, "upn": WRONG_LETTER})

    assert follow(client, warning, {"decision": "correct", "upn": "B801200001001"}) == warning


def test_the_warning_cannot_be_stepped_around(stage: Stage, browser):
    client = browser(stage.alma)
    warning = follow(client, "/transfers/new", {**PUPIL, "upn": WRONG_LETTER})

    check = warning.replace("/upn", "/check")

    assert client.get(check).location == warning
    assert follow(client, check, {}, page=warning) == warning
    assert transfers(stage) == []


def test_correcting_without_a_upn_is_refused_at_the_field(stage: Stage, browser):
    client = browser(stage.alma)
    warning = follow(client, "/transfers/new", {**PUPIL, "upn": WRONG_LETTER})

    assert list(refused(client, warning, {"decision": "correct", "upn": ""})) == ["upn"]
    assert list(refused(client, warning, {"decision": "", "upn": WRONG_LETTER})) == ["decision"]


def test_dates_that_cannot_be_right_are_refused_at_their_field(stage: Stage, browser):
    client = browser(stage.alma)
    step = follow(client, "/transfers/new", PUPIL)

    assert list(refused(client, step, {"kind": "in_year", **day("leaving_on", "4 9 2036")})) == ["leaving_on-day"]
    said = refused(client, step, {**MOVE, **day("destination_confirmed_on", "9 10 2026")})
    assert list(said) == ["destination_confirmed_on-day"]
    assert list(refused(client, step, {"leaving_on-day": "4"})) == ["kind", "leaving_on-day"]


def test_a_school_is_found_by_name_and_shown_with_town_authority_and_urn(stage: Stage, browser):
    client = browser(stage.alma)
    step = follow(client, follow(client, "/transfers/new", PUPIL), MOVE)
    add_school(stage.service, stage.cast.coventry, urn="130999", name="Birchwater High School", town="Coventry")

    found = text_of(client.page(step + "?q=birchwater"), "main")

    assert "Nuneaton, Warwickshire, URN 125581" in found
    assert "Coventry, URN 130999" in found
    assert "Coventry, Coventry" not in found
    assert "We found no school" in text_of(client.page(step + "?q=atlantis"), "main")
    assert client.get("/schools/suggestions?q=birchwater+nun").json == [
        {"value": "125581", "text": "Birchwater High School, Nuneaton, Warwickshire, URN 125581"}
    ]


def test_the_successor_of_a_closed_school_is_offered(stage: Stage, browser):
    add_school(stage.service, stage.cast.warwickshire, urn="100100", name="Old Mill", town="Rugby", status="Closed")
    with stage.database.writing() as session:
        session.add(SchoolLink(id=stage.at.new_id(), urn="100100", link_urn="125581", kind="Successor"))
    client = browser(stage.alma)
    step = follow(client, follow(client, "/transfers/new", PUPIL), MOVE)

    response = client.post_form(step, {"receiving_school": "100100"}, page=step + "?q=old")

    assert response.status_code == 422
    page = parse_page(response.data)
    assert errors(page) == {"receiving_school": "This school is closed. Choose the school that followed it"}
    assert [one.get("value") for one in page.iter("input") if one.get("name") == "receiving_school"] == ["125581"]


@pytest.mark.parametrize("urn", ["125580", "999999", "abc", ""])
def test_ones_own_school_and_unknown_ones_are_refused(stage: Stage, browser, urn):
    client = browser(stage.alma)
    step = follow(client, follow(client, "/transfers/new", PUPIL), MOVE)

    assert list(refused(client, step, {"receiving_school": urn}, page=step)) == ["receiving_school"]


def test_it_is_said_before_sending_that_a_school_has_no_key(stage: Stage, browser):
    client = browser(stage.alma)
    step = follow(client, follow(client, "/transfers/new", PUPIL), MOVE)
    step = follow(client, step, {"receiving_school": "125583"}, page=step)

    assert "The receiving school has no key" in text_of(client.page(step), "main")


def test_a_second_click_records_nothing_twice(stage: Stage, browser):
    client = browser(stage.alma)
    step = follow(client, follow(client, "/transfers/new", PUPIL), MOVE)
    step = follow(client, step, {"receiving_school": "125581"}, page=step)

    first = follow(client, step, {})
    second = follow(client, step, {}, page="/accessibility")

    assert first == second
    with stage.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Transfer)) == 1


def test_the_office_records_a_transfer_and_sees_it_in_hand(stage: Stage, browser):
    client = browser(stage.edie)

    reference = record_transfer(client)

    page = text_of(client.page(f"/transfers/{reference}"), "main")
    assert "In hand" in page
    assert "Your designated safeguarding lead deals with this transfer" in page
    assert "In hand" in text_of(client.page("/"), "main")
    assert client.get(f"/transfers/{reference}/notes").status_code == 403


def test_corrections_are_saved_while_nothing_was_sent(stage: Stage, browser):
    client = browser(stage.alma)
    base = f"/transfers/{record_transfer(client)}"

    follow(client, f"{base}/pupil", {**PUPIL, "surname": "Łącki", "upn": ""})
    follow(client, f"{base}/move", {"kind": "in_year", **day("leaving_on", "11 9 2026")})
    follow(client, f"{base}/school", {"receiving_school": "125582"}, page=f"{base}/school?q=clover")
    follow(client, f"{base}/urgent", {"urgent": "yes"})

    page = text_of(client.page(base), "main")
    for shown in ("Zoë Łącki", "11 September 2026", "Cloverhill School", "Urgent"):
        assert shown in page
    said = refused(client, f"{base}/pupil", {**PUPIL, "upn": WRONG_LETTER})
    assert list(said) == ["upn"]
    follow(client, f"{base}/pupil", {**PUPIL, "upn": WRONG_LETTER, "upn_confirmed": "yes"})
    assert [one.upn_choice for one in transfers(stage)] == ["confirmed"]
