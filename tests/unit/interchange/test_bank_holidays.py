import json
from datetime import date
from pathlib import Path

import pytest

from transfer_service.domain.calendars import Calendar, Term
from transfer_service.interchange.bank_holidays import bank_holidays

DATA = Path(__file__).parents[4] / "shared" / "data" / "calendar"
DEMO = Path(__file__).parents[3] / "transfer_service" / "demo" / "data" / "terms.json"


@pytest.mark.skipif(not DATA.exists(), reason="the published bank holidays are not here")
def test_they_are_those_that_the_government_publishes():
    published = json.loads((DATA / "bank_holidays_england_and_wales.json").read_text(encoding="utf-8"))
    days = {date.fromisoformat(event["date"]) for event in published["england-and-wales"]["events"]}
    assert bank_holidays(range(2012, 2029)) == days


def test_one_off_and_substitute_days_are_among_them():
    found = bank_holidays([2022, 2023, 2026])
    assert {date(2022, 6, 3), date(2022, 9, 19), date(2023, 5, 8), date(2026, 12, 28)} <= found
    assert date(2026, 12, 26) not in found  # a Saturday, whose holiday is the Monday after


def test_a_holiday_proclaimed_at_short_notice_is_added_and_a_cancelled_one_taken_out():
    changed = bank_holidays([2027], {date(2027, 6, 14): True, date(2027, 5, 3): False, date(2030, 1, 2): True})
    assert date(2027, 6, 14) in changed
    assert date(2027, 5, 3) not in changed
    assert date(2030, 1, 2) not in changed
    assert changed - {date(2027, 6, 14)} == bank_holidays([2027]) - {date(2027, 5, 3)}


def test_no_year_has_none():
    assert bank_holidays([]) == frozenset()


@pytest.mark.skipif(not DATA.exists(), reason="the published term dates are not here")
def test_the_demonstrations_terms_are_those_that_were_published():
    published = json.loads((DATA / "warwickshire_term_dates.json").read_text(encoding="utf-8"))
    shown = json.loads(DEMO.read_text(encoding="utf-8"))["937"]
    calendar = Calendar(
        terms=tuple(
            Term(date.fromisoformat(term["starts_on"]), date.fromisoformat(term["ends_on"]), term["begins_new_term"])
            for term in shown["terms"]
        ),
        closures=frozenset(date.fromisoformat(closure["closed_on"]) for closure in shown["closures"]),
        bank_holidays=bank_holidays(range(2024, 2028)),
    )
    for year in published["years"].values():
        for term in year.values():
            first_half_day, last_half_day = (date.fromisoformat(day) for day in term["half_term"])
            assert not calendar.is_school_day(first_half_day)
            assert not calendar.is_school_day(last_half_day)
            for day in term.get("training_days", []):
                assert not calendar.is_school_day(date.fromisoformat(day))
            if "pupils_return" in term:
                assert calendar.find_new_term_start(date.fromisoformat(term["start"])) == date.fromisoformat(
                    term["pupils_return"]
                )
            if term["end"]:
                assert calendar.is_school_day(date.fromisoformat(term["end"]))
    assert not calendar.is_known(date(2027, 6, 7))  # nothing was announced after that half-term
