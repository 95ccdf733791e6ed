"""Alerts that did not arrive, term dates and closed days, and the clocks."""

from datetime import date

import pytest
from sqlalchemy import select, update

from tests.html import text_of
from tests.integration.web.authority.looks import events_after, log_size, make, row_of
from transfer_service.db.models import Alert, Authority, Closure, Dispatch, Person, Term
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.alerting import alert_person

# One kind of database is enough: what these pages ask differs in none of its SQL.
pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)

CALENDAR, SETTINGS = "/authority/calendar", "/authority/settings"
CLOCK = {"length": "3", "unit": "weekdays", "start": "leaving", "first_day_counts": "no", "calendar": "sending_school"}


def day(name: str, when: date) -> dict[str, str]:
    return {f"{name}-day": str(when.day), f"{name}-month": str(when.month), f"{name}-year": str(when.year)}


def test_an_alert_that_was_given_up_is_listed_and_sent_again(stage, client_for):
    make(stage, Status.SENT)
    with stage.database.writing() as session:
        session.execute(
            update(Alert).values(
                state=AlertState.GIVEN_UP, attempts=7, last_outcome="permanent:550", finished_at=stage.at.now()
            )
        )
        alert = session.scalars(select(Alert).where(Alert.address == "cora.whitlock@example.org")).one()
    client, before = client_for(stage.cast.olive), log_size(stage)
    row = row_of(client.page("/authority/alerts"), "A transfer has arrived")
    assert "refused for good" in row[2]
    assert "Tried 7 times" in row[2]
    assert client.post_form(f"/authority/alerts/{alert.id}/retry", page="/authority/alerts").status_code == 303
    assert events_after(stage, before) == ["alert.retried"]
    with stage.database.reading() as session:
        assert session.get_one(Alert, alert.id).state is AlertState.PENDING
    assert client.post_form(f"/authority/alerts/{alert.id}/retry", page="/authority/alerts").status_code == 409
    oscar = client_for(stage.cast.oscar)
    assert oscar.post_form(f"/authority/alerts/{alert.id}/retry", page="/authority/alerts").status_code == 404
    assert "Every alert has arrived" in text_of(oscar.page("/authority/alerts"))


@pytest.mark.parametrize("kind", [AlertKind.INVITATION, AlertKind.PASSWORD_RESET])
def test_a_mail_with_a_link_that_was_given_up_is_not_sent_again_and_the_page_says_what_to_do(stage, client_for, kind):
    with stage.database.writing() as session:
        person = session.get_one(Person, stage.cast.cora.person_id)
        alert = alert_person(session, stage.at, kind, person, secret="/x/abc")
        alert.state, alert.secret, alert.last_outcome = AlertState.GIVEN_UP, None, "permanent:link_over"
        alert.organisation_id = stage.cast.receiving
    client = client_for(stage.cast.olive)
    page = text_of(client.page("/authority/alerts"))
    assert "The link in it ran out before the email could be sent." in page
    assert "The link in it was deleted. Send a new invitation" in page
    assert "Send again" not in page
    retried = client.post_form(f"/authority/alerts/{alert.id}/retry", page="/authority/alerts")
    assert retried.status_code == 409
    assert "Send a new invitation" in retried.text


def test_terms_and_days_that_are_over_stand_behind_their_own_link(stage, client_for):
    client = client_for(stage.cast.olive)
    old = {**day("starts_on", date(2025, 4, 28)), **day("ends_on", date(2025, 5, 23)), "begins_new_term": "yes"}
    assert client.post_form(f"{CALENDAR}/terms/new", old).status_code == 303
    for closed_on in (date(2025, 5, 5), date(2026, 12, 1)):
        given = {**day("closed_on", closed_on), "kind": "other"}
        assert client.post_form(f"{CALENDAR}/closures/new", given).status_code == 303

    markup = client.get(CALENDAR).text

    places = [
        markup.index(words) for words in ("Terms that are over (1)", "28 April 2025", "Days on which all schools")
    ]
    assert places == sorted(places)
    places = [markup.index(words) for words in ("1 December 2026", "Days that are over (1)", "5 May 2025")]
    assert places == sorted(places)


def test_a_term_is_added_and_removed(stage, client_for):
    client, before = client_for(stage.cast.olive), log_size(stage)
    new = {**day("starts_on", date(2027, 4, 12)), **day("ends_on", date(2027, 5, 28)), "begins_new_term": "yes"}
    assert client.post_form(f"{CALENDAR}/terms/new", new).status_code == 303
    assert row_of(client.page(CALENDAR), "12 April 2027")[1] == "28 May 2027"
    assert client.post_form(f"{CALENDAR}/terms/remove", {"day": "2027-04-12"}, page=CALENDAR).status_code == 303
    assert events_after(stage, before) == ["calendar.changed", "calendar.changed"]
    with stage.database.reading() as session:
        assert len(session.scalars(select(Term)).all()) == 3
    assert client.post_form(f"{CALENDAR}/terms/remove", {"day": "2027-04-12"}, page=CALENDAR).status_code == 404
    assert client.post_form(f"{CALENDAR}/terms/remove", {"day": "x"}, page=CALENDAR).status_code == 422


@pytest.mark.parametrize(
    "starts_on, ends_on",
    [(date(2026, 10, 1), date(2026, 10, 30)), (date(2027, 5, 28), date(2027, 4, 12))],
)
def test_a_term_that_overlaps_or_ends_before_it_starts_is_refused(stage, client_for, starts_on, ends_on):
    new = {**day("starts_on", starts_on), **day("ends_on", ends_on), "begins_new_term": "yes"}
    response = client_for(stage.cast.olive).post_form(f"{CALENDAR}/terms/new", new)
    assert response.status_code == 422
    assert 'href="#starts_on-day"' in response.text


def test_a_closed_day_is_added_once_and_removed(stage, client_for):
    client = client_for(stage.cast.olive)
    closed = {**day("closed_on", date(2027, 5, 6)), "kind": "polling"}
    assert client.post_form(f"{CALENDAR}/closures/new", closed).status_code == 303
    again = client.post_form(f"{CALENDAR}/closures/new", closed)
    assert again.status_code == 422
    assert 'href="#closed_on-day"' in again.text
    assert row_of(client.page(CALENDAR), "6 May 2027")[1] == "Polling"
    assert client.post_form(f"{CALENDAR}/closures/remove", {"day": "2027-05-06"}, page=CALENDAR).status_code == 303
    with stage.database.reading() as session:
        assert session.scalars(select(Closure)).all() == []


def test_a_clock_that_is_changed_counts_for_transfers_to_come_alone(stage, client_for):
    old = make(stage, Status.DRAFT)
    client, before = client_for(stage.cast.olive), log_size(stage)
    assert client.post_form(f"{SETTINGS}/clocks/in_year", CLOCK).status_code == 303
    assert events_after(stage, before) == ["setting.changed"]
    new = make(stage, Status.DRAFT)
    with stage.database.reading() as session:
        assert session.get_one(Dispatch, old).due_on == date(2026, 9, 14)
        assert session.get_one(Dispatch, new).due_on == date(2026, 9, 9)
    assert "3 weekdays without bank holidays" in text_of(client.page(SETTINGS))
    usual = client.post_form(f"{SETTINGS}/clocks/in_year/usual", page=f"{SETTINGS}/clocks/in_year")
    assert usual.status_code == 303
    with stage.database.reading() as session:
        assert session.get_one(Authority, stage.cast.warwickshire).clock_rules is None


@pytest.mark.parametrize(
    "name, changed, field",
    [
        ("in_year", {"length": "0"}, "length"),
        ("in_year", {"length": "61"}, "length"),
        ("in_year", {"start": "sent"}, "start"),
        ("receiver", {"start": "leaving"}, "start"),
        ("in_year", {"unit": "moons"}, "unit"),
        ("in_year", {"calendar": ""}, "calendar"),
    ],
)
def test_a_clock_that_cannot_be_is_refused_beside_its_field(stage, client_for, name, changed, field):
    response = client_for(stage.cast.olive).post_form(f"{SETTINGS}/clocks/{name}", {**CLOCK, **changed})
    assert response.status_code == 422
    assert f'href="#{field}"' in response.text


def test_the_receivers_clock_has_a_page_of_its_own(stage, client_for):
    client = client_for(stage.cast.olive)
    given = {**CLOCK, "start": "sent", "length": "7", "unit": "calendar_days"}
    assert client.post_form(f"{SETTINGS}/clocks/receiver", given).status_code == 303
    assert "7 calendar days from the day of sending" in text_of(client.page(SETTINGS))
    assert client.get(f"{SETTINGS}/clocks/lunch").status_code == 404
