import json
from datetime import date
from pathlib import Path

import pytest

from transfer_service.domain.calendars import Calendar, Term
from transfer_service.domain.deadlines import (
    BAND_LABELS,
    CLOCK_START_LABELS,
    CLOCK_UNIT_LABELS,
    DEFAULT_RECEIVER_RULE,
    DEFAULT_RULES,
    Band,
    CalendarOf,
    ClockDates,
    ClockRule,
    ClockStart,
    ClockUnit,
    band,
    days_late,
    due_on,
)
from transfer_service.domain.transfer import TransferKind

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "calendar" / "deadline_vectors.json"

CALENDAR = Calendar(
    terms=(
        Term(date(2026, 9, 2), date(2026, 10, 23)),
        Term(date(2026, 11, 2), date(2026, 12, 18), begins_new_term=False),
        Term(date(2027, 1, 4), date(2027, 2, 12)),
    ),
    bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}),
    name="Invented terms",
)
IN_YEAR = DEFAULT_RULES[TransferKind.IN_YEAR]
PHASE = DEFAULT_RULES[TransferKind.PHASE]


def rule(**changes):
    values = {
        "unit": ClockUnit.SCHOOL_DAYS,
        "start": ClockStart.LEAVING,
        "length": 5,
        "first_day_counts": False,
        "calendar": CalendarOf.SENDING_SCHOOL,
    }
    return ClockRule(**(values | changes))


def published_cases():
    if not VECTORS.exists():
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="the published vectors are not here"))]
    return [pytest.param(case, id=case["case"]) for case in json.loads(VECTORS.read_text())["cases"]]


@pytest.mark.parametrize("case", published_cases())
def test_the_published_deadlines_come_out(case):
    terms = tuple(
        Term(date.fromisoformat(first), date.fromisoformat(last))
        for first, last in json.loads(VECTORS.read_text())["terms"]
    )
    calendar = Calendar(terms=terms)
    if "term_start" in case:
        dates = ClockDates(starts_on=date.fromisoformat(case["term_start"]))
        assert due_on(PHASE, calendar, dates).on == date.fromisoformat(case["due"])
        return
    dates = ClockDates(leaving_on=date.fromisoformat(case["trigger"]))
    if "calendar_days" in case:
        by_days = rule(unit=ClockUnit.CALENDAR_DAYS, length=case["calendar_days"])
        assert due_on(by_days, calendar, dates).on == date.fromisoformat(case["due"])
        return
    assert due_on(rule(length=case["school_days"]), calendar, dates).on == date.fromisoformat(case["due"])
    by_days = rule(unit=ClockUnit.CALENDAR_DAYS, length=case["school_days"])
    assert due_on(by_days, calendar, dates).on == date.fromisoformat(case["due_if_calendar_days"])


@pytest.mark.parametrize(
    "leaving, confirmed, expected",
    [
        (date(2026, 9, 14), date(2026, 9, 10), date(2026, 9, 21)),
        (date(2026, 9, 10), date(2026, 9, 14), date(2026, 9, 21)),
        (date(2026, 9, 12), date(2026, 9, 1), date(2026, 9, 18)),
        (date(2026, 12, 17), date(2026, 12, 17), date(2027, 1, 7)),
    ],
)
def test_in_year_the_later_of_leaving_and_destination_starts_the_clock(leaving, confirmed, expected):
    due = due_on(IN_YEAR, CALENDAR, ClockDates(leaving_on=leaving, destination_confirmed_on=confirmed))
    assert due.on == expected
    assert due.basis.started_on == max(leaving, confirmed)


def test_a_phase_move_is_due_on_the_fifth_school_day_of_the_new_term_the_first_counted():
    due = due_on(PHASE, CALENDAR, ClockDates(leaving_on=date(2026, 7, 17), starts_on=date(2026, 9, 2)))
    assert due.on == date(2026, 9, 8)
    assert due.basis.start is ClockStart.STARTS_ON


def test_a_phase_move_without_a_first_day_is_counted_from_the_term_that_the_calendar_gives():
    due = due_on(PHASE, CALENDAR, ClockDates(leaving_on=date(2026, 12, 18)))
    assert due.on == date(2027, 1, 8)
    assert (due.basis.start, due.basis.started_on) == (ClockStart.TERM_START, date(2027, 1, 4))


@pytest.mark.parametrize(
    "start, dates",
    [
        (ClockStart.LEAVING, ClockDates()),
        (ClockStart.DESTINATION_CONFIRMED, ClockDates(leaving_on=date(2026, 9, 14))),
        (ClockStart.LATER_OF_LEAVING_AND_DESTINATION, ClockDates(leaving_on=date(2026, 9, 14))),
        (ClockStart.LATER_OF_LEAVING_AND_DESTINATION, ClockDates(destination_confirmed_on=date(2026, 9, 14))),
        (ClockStart.STARTS_ON, ClockDates()),
        (ClockStart.STARTS_ON, ClockDates(leaving_on=date(2027, 2, 1))),
        (ClockStart.TERM_START, ClockDates(leaving_on=date(2027, 6, 1))),
        (ClockStart.SENT, ClockDates(leaving_on=date(2026, 9, 14))),
    ],
)
def test_no_date_is_invented_while_the_start_is_not_known(start, dates):
    due = due_on(rule(start=start), CALENDAR, dates)
    assert due.on is None
    assert due.basis.started_on is None


@pytest.mark.parametrize(
    "start, dates, expected",
    [
        (ClockStart.LEAVING, ClockDates(leaving_on=date(2026, 9, 14)), date(2026, 9, 21)),
        (ClockStart.DESTINATION_CONFIRMED, ClockDates(destination_confirmed_on=date(2026, 9, 15)), date(2026, 9, 22)),
        (ClockStart.TERM_START, ClockDates(starts_on=date(2026, 12, 20)), date(2027, 1, 11)),
        (ClockStart.SENT, ClockDates(sent_on=date(2026, 9, 16)), date(2026, 9, 23)),
    ],
)
def test_each_start_counts_from_its_own_day(start, dates, expected):
    assert due_on(rule(start=start), CALENDAR, dates).on == expected


def test_calendar_days_may_count_the_first():
    dates = ClockDates(leaving_on=date(2026, 9, 14))
    assert due_on(rule(unit=ClockUnit.CALENDAR_DAYS, first_day_counts=True), CALENDAR, dates).on == date(2026, 9, 18)


def test_weekdays_leave_bank_holidays_out_and_term_dates_do_not_matter():
    due = due_on(rule(unit=ClockUnit.WEEKDAYS), CALENDAR, ClockDates(leaving_on=date(2026, 12, 23)))
    assert due.on == date(2027, 1, 4)
    assert due.known_terms


def test_where_no_term_is_known_the_basis_says_so():
    due = due_on(
        IN_YEAR, Calendar(), ClockDates(leaving_on=date(2026, 9, 14), destination_confirmed_on=date(2026, 9, 1))
    )
    assert due.on == date(2026, 9, 21)
    assert not due.known_terms
    assert due.basis.unit is ClockUnit.SCHOOL_DAYS


def test_the_basis_is_stored_as_plain_values():
    due = due_on(
        IN_YEAR, CALENDAR, ClockDates(leaving_on=date(2026, 9, 14), destination_confirmed_on=date(2026, 9, 10))
    )
    stored = due.basis.to_mapping()
    assert stored == {
        "unit": "school_days",
        "start": "later_of_leaving_and_destination",
        "length": 5,
        "first_day_counts": False,
        "calendar": "sending_school",
        "calendar_name": "Invented terms",
        "started_on": "2026-09-14",
        "known_terms": True,
    }
    assert json.loads(json.dumps(stored)) == stored


def test_a_basis_without_a_start_is_stored_too():
    assert due_on(IN_YEAR, CALENDAR, ClockDates()).basis.to_mapping()["started_on"] is None


@pytest.mark.parametrize("kind", list(TransferKind))
def test_a_rule_is_stored_and_read_again(kind):
    stored = DEFAULT_RULES[kind].to_mapping()
    assert ClockRule.from_mapping(json.loads(json.dumps(stored))) == DEFAULT_RULES[kind]


def test_the_defaults_are_those_of_the_exchange():
    assert rule(start=ClockStart.LATER_OF_LEAVING_AND_DESTINATION) == IN_YEAR
    assert DEFAULT_RULES[TransferKind.OTHER] == IN_YEAR
    assert rule(start=ClockStart.STARTS_ON, first_day_counts=True, calendar=CalendarOf.RECEIVING_SCHOOL) == PHASE
    assert rule(start=ClockStart.SENT, calendar=CalendarOf.RECEIVING_SCHOOL) == DEFAULT_RECEIVER_RULE


@pytest.mark.parametrize("length", [0, -1, 61])
def test_a_clock_of_no_days_or_of_months_is_refused(length):
    with pytest.raises(ValueError, match="1 to 60 days"):
        rule(length=length)


@pytest.mark.parametrize("broken", [{"unit": "fortnights"}, {"start": "easter"}, {"calendar": "moon"}])
def test_a_stored_rule_with_unknown_words_is_refused(broken):
    with pytest.raises(ValueError, match="is not a valid"):
        ClockRule.from_mapping(IN_YEAR.to_mapping() | broken)


DUE = date(2026, 9, 21)


@pytest.mark.parametrize(
    "due, done, today, expected",
    [
        (DUE, date(2026, 9, 21), date(2026, 12, 1), "on_time"),
        (DUE, date(2026, 9, 22), date(2026, 12, 1), "late"),
        (DUE, None, date(2026, 9, 21), "not_due"),
        (DUE, None, date(2026, 9, 22), "overdue"),
        (DUE, None, date(2026, 10, 19), "overdue"),
        (DUE, None, date(2026, 10, 20), "never"),
        (None, None, date(2026, 10, 20), "not_due"),
        (None, date(2026, 9, 22), date(2026, 10, 20), "on_time"),
    ],
)
def test_a_step_falls_into_one_band(due, done, today, expected):
    assert band(due, done, today).value == expected


@pytest.mark.parametrize(
    "due, done, today, expected",
    [
        (DUE, date(2026, 9, 21), date(2026, 12, 1), 0),
        (DUE, date(2026, 9, 24), date(2026, 12, 1), 3),
        (DUE, None, date(2026, 9, 28), 7),
        (DUE, None, date(2026, 9, 1), 0),
        (None, None, date(2026, 9, 1), 0),
    ],
)
def test_days_late_are_calendar_days(due, done, today, expected):
    assert days_late(due, done, today) == expected


def test_every_word_of_the_clocks_has_a_label():
    assert set(BAND_LABELS) == set(Band)
    assert set(CLOCK_UNIT_LABELS) == set(ClockUnit)
    assert set(CLOCK_START_LABELS) == set(ClockStart)
