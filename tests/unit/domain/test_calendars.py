from datetime import UTC, date, datetime

import pytest

from transfer_service.domain.calendars import (
    Calendar,
    ClosureKind,
    Term,
    local_day,
    nth_school_day,
    nth_weekday,
    school_days_between,
)

AUTUMN_1 = Term(date(2026, 9, 2), date(2026, 10, 23))
AUTUMN_2 = Term(date(2026, 11, 2), date(2026, 12, 18), begins_new_term=False)
SPRING_1 = Term(date(2027, 1, 4), date(2027, 2, 12))
YEAR = Calendar(
    terms=(SPRING_1, AUTUMN_2, AUTUMN_1),
    closures=frozenset({date(2026, 9, 2), date(2026, 11, 9)}),
    bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}),
    name="Invented",
)
NOTHING_KNOWN = Calendar(bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}))


@pytest.mark.parametrize(
    "day, expected",
    [
        (date(2026, 9, 1), False),  # before the first term
        (date(2026, 9, 2), False),  # INSET
        (date(2026, 9, 3), True),
        (date(2026, 9, 5), False),  # Saturday
        (date(2026, 9, 6), False),  # Sunday
        (date(2026, 10, 23), True),
        (date(2026, 10, 26), False),  # half-term
        (date(2026, 11, 2), True),
        (date(2026, 11, 9), False),  # closed
        (date(2027, 2, 12), True),
        (date(2027, 2, 15), False),  # after the last known term
    ],
)
def test_a_school_day_is_a_weekday_in_term_without_closure(day, expected):
    assert YEAR.is_school_day(day) is expected


def test_a_bank_holiday_in_term_is_no_school_day():
    calendar = Calendar(
        terms=(Term(date(2026, 4, 13), date(2026, 5, 22)),), bank_holidays=frozenset({date(2026, 5, 4)})
    )
    assert not calendar.is_school_day(date(2026, 5, 4))
    assert calendar.is_school_day(date(2026, 5, 5))


@pytest.mark.parametrize(
    "day, expected",
    [
        (date(2026, 9, 1), False),
        (date(2026, 9, 2), True),
        (date(2026, 10, 28), True),
        (date(2026, 12, 24), True),
        (date(2027, 2, 12), True),
        (date(2027, 2, 13), False),
    ],
)
def test_the_terms_speak_of_the_days_in_them_and_of_the_holidays_between(day, expected):
    assert YEAR.is_known(day) is expected


def test_a_gap_longer_than_any_holiday_means_that_a_term_is_missing():
    gap = Calendar(terms=(AUTUMN_1, Term(date(2027, 4, 12), date(2027, 5, 28))))
    assert not gap.is_known(date(2026, 11, 3))
    assert gap.is_known(date(2027, 4, 12))


def test_the_summer_holiday_is_no_gap():
    summer = Calendar(terms=(Term(date(2026, 6, 1), date(2026, 7, 17)), AUTUMN_1))
    assert summer.is_known(date(2026, 8, 3))


@pytest.mark.parametrize("starts_on, is_known", [(date(2026, 9, 29), True), (date(2026, 9, 30), False)])
def test_ten_weeks_between_two_terms_may_be_a_holiday_and_a_day_more_may_not(starts_on, is_known):
    calendar = Calendar(terms=(Term(date(2026, 6, 1), date(2026, 7, 21)), Term(starts_on, date(2026, 12, 18))))
    assert calendar.is_known(date(2026, 8, 3)) is is_known


def test_a_term_cannot_end_before_it_starts():
    with pytest.raises(ValueError, match="Enter an end date on or after the start date"):
        Term(date(2026, 9, 2), date(2026, 9, 1))


def test_a_term_may_be_one_day():
    assert Calendar(terms=(Term(date(2026, 9, 2), date(2026, 9, 2)),)).is_school_day(date(2026, 9, 2))


@pytest.mark.parametrize(
    "start, number, counts, expected",
    [
        (date(2026, 9, 14), 5, False, date(2026, 9, 21)),
        (date(2026, 9, 14), 5, True, date(2026, 9, 18)),
        (date(2026, 10, 22), 5, False, date(2026, 11, 5)),
        (date(2026, 11, 5), 2, False, date(2026, 11, 10)),  # over the closure on the 9th
        (date(2026, 12, 17), 1, False, date(2026, 12, 18)),
        (date(2026, 12, 18), 1, False, date(2027, 1, 4)),  # over Christmas
        (date(2026, 10, 25), 1, True, date(2026, 11, 2)),
    ],
)
def test_school_days_are_counted_over_weekends_holidays_and_closures(start, number, counts, expected):
    counted = nth_school_day(YEAR, start, number, first_day_counts=counts)
    assert (counted.on, counted.known_terms) == (expected, True)


@pytest.mark.parametrize(
    "start, expected",
    [
        (date(2027, 2, 10), date(2027, 2, 17)),  # the count runs past the last known term
        (date(2027, 3, 1), date(2027, 3, 8)),
        (date(2026, 8, 24), date(2026, 8, 31)),  # before the first known term
    ],
)
def test_where_no_term_is_known_the_whole_count_is_in_weekdays_and_says_so(start, expected):
    counted = nth_school_day(YEAR, start, 5, first_day_counts=False)
    assert (counted.on, counted.known_terms) == (expected, False)


def test_weekdays_leave_out_weekends_bank_holidays_and_closures():
    assert nth_weekday(NOTHING_KNOWN, date(2026, 12, 23), 3, first_day_counts=False) == date(2026, 12, 30)
    assert nth_weekday(NOTHING_KNOWN, date(2026, 12, 23), 3, first_day_counts=True) == date(2026, 12, 29)
    snowed_in = Calendar(closures=frozenset({date(2026, 12, 24)}))
    assert nth_weekday(snowed_in, date(2026, 12, 23), 1, first_day_counts=False) == date(2026, 12, 25)


def test_a_weekend_before_the_first_known_term_hides_nothing():
    counted = nth_school_day(Calendar(terms=(SPRING_1,)), date(2027, 1, 1), 1, first_day_counts=False)
    assert (counted.on, counted.known_terms) == (date(2027, 1, 4), True)


@pytest.mark.parametrize(
    "start, end, expected",
    [
        (date(2026, 9, 14), date(2026, 9, 14), 0),
        (date(2026, 9, 14), date(2026, 9, 15), 1),
        (date(2026, 9, 18), date(2026, 9, 21), 1),
        (date(2026, 9, 21), date(2026, 9, 14), 0),
        (date(2026, 10, 23), date(2026, 11, 2), 1),
        (date(2026, 11, 6), date(2026, 11, 10), 1),
        (date(2027, 2, 12), date(2027, 2, 16), 2),  # nothing is known: weekdays count
    ],
)
def test_school_days_between_two_days_count_the_last_and_not_the_first(start, end, expected):
    assert school_days_between(YEAR, start, end) == expected


def test_a_closure_is_not_counted_even_where_no_term_is_known():
    closed = Calendar(closures=frozenset({date(2027, 2, 16)}))
    assert school_days_between(closed, date(2027, 2, 15), date(2027, 2, 17)) == 1


@pytest.mark.parametrize(
    "after, expected",
    [
        (date(2026, 9, 2), date(2026, 9, 3)),  # the term starts with an INSET day
        (date(2026, 9, 3), date(2027, 1, 4)),  # the second half of a term is no new term
        (date(2026, 12, 20), date(2027, 1, 4)),
        (date(2026, 8, 1), None),  # nothing is known of August
        (date(2027, 1, 5), None),
    ],
)
def test_a_new_term_is_found_only_where_it_is_known(after, expected):
    assert YEAR.find_new_term_start(after) == expected


def test_a_term_without_a_school_day_starts_nowhere():
    empty = Calendar(terms=(Term(date(2026, 9, 5), date(2026, 9, 6)),))
    assert empty.find_new_term_start(date(2026, 9, 5)) is None


def test_a_moment_is_placed_on_the_day_that_it_is_in_england():
    assert local_day(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == date(2026, 7, 2)
    assert local_day(datetime(2026, 12, 1, 23, 30, tzinfo=UTC)) == date(2026, 12, 1)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        local_day(datetime(2026, 7, 1, 23, 30))  # noqa: DTZ001 -- the point of the test


def test_the_kinds_of_closure_are_a_closed_list():
    assert " ".join(ClosureKind) == "inset snow polling other"
