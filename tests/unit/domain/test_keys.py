from datetime import date

import pytest

from transfer_service.domain.keys import renewal_due_on


@pytest.mark.parametrize(
    ("made_on", "due_on"),
    [
        (date(2026, 10, 1), date(2027, 10, 1)),
        (date(2027, 1, 31), date(2028, 1, 28)),
        (date(2028, 2, 29), date(2029, 2, 28)),
        (date(2027, 6, 30), date(2028, 6, 28)),
        (date(2026, 7, 1), date(2027, 6, 30)),
        (date(2026, 8, 31), date(2027, 6, 30)),
        (date(2026, 9, 30), date(2027, 6, 30)),
    ],
)
def test_a_key_is_renewed_after_a_year_and_never_in_the_summer(made_on: date, due_on: date):
    assert renewal_due_on(made_on) == due_on
