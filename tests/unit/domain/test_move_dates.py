from datetime import date

import pytest

from transfer_service.domain.errors import Invalid
from transfer_service.domain.move_dates import check_pupil_and_dates

TODAY = date(2026, 9, 14)


def check(**changes):
    dates = {
        "date_of_birth": date(2015, 3, 1),
        "leaving_on": date(2026, 9, 11),
        "starts_on": date(2026, 9, 14),
        "destination_confirmed_on": date(2026, 9, 10),
        "today": TODAY,
    }
    check_pupil_and_dates(**(dates | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"starts_on": None, "destination_confirmed_on": None},
        {"leaving_on": date(2019, 7, 19), "starts_on": date(2019, 9, 2)},
        {"leaving_on": date(2027, 9, 15), "starts_on": date(2027, 9, 20)},
        {"destination_confirmed_on": TODAY},
        {"date_of_birth": date(2024, 9, 11)},
        {"date_of_birth": date(2005, 9, 12)},
    ],
)
def test_dates_that_can_be_right_pass(changes):
    check(**changes)


@pytest.mark.parametrize(
    "field, changes",
    [
        ("date_of_birth", {"date_of_birth": TODAY}),
        ("date_of_birth", {"date_of_birth": date(2030, 1, 1)}),
        ("date_of_birth", {"date_of_birth": date(2024, 9, 12)}),  # a day short of two years old
        ("date_of_birth", {"date_of_birth": date(2005, 9, 11)}),
        ("leaving_on", {"leaving_on": date(2027, 9, 16), "starts_on": date(2027, 9, 20)}),
        ("starts_on", {"starts_on": date(2028, 1, 1)}),
        ("starts_on", {"starts_on": date(2025, 1, 1)}),
        ("destination_confirmed_on", {"destination_confirmed_on": date(2026, 9, 15)}),
    ],
)
def test_dates_that_cannot_be_right_are_refused_by_field(field, changes):
    with pytest.raises(Invalid) as refused:
        check(**changes)
    assert list(refused.value.fields) == [field]


def test_every_wrong_date_is_named_at_once():
    with pytest.raises(Invalid) as refused:
        check(
            date_of_birth=TODAY,
            leaving_on=date(2029, 1, 1),
            starts_on=date(2020, 1, 1),
            destination_confirmed_on=date(2028, 1, 1),
        )
    assert len(refused.value.fields) == 4
