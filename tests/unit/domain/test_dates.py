from datetime import UTC, date, datetime

import pytest

from transfer_service.domain.dates import say_date, say_time


def test_a_date_is_said_in_words():
    assert say_date(date(2026, 9, 3)) == "3 September 2026"
    assert say_date(date(2027, 1, 31)) == "31 January 2027"


def test_a_moment_is_said_as_clocks_in_england_show_it():
    assert say_time(datetime(2026, 9, 3, 13, 5, tzinfo=UTC)) == "3 September 2026 at 14:05"
    assert say_time(datetime(2026, 12, 3, 13, 5, tzinfo=UTC)) == "3 December 2026 at 13:05"
    assert say_time(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == "1 July 2026 at 00:30"


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="give an aware one"):
        say_time(datetime(2026, 9, 3, 13, 5))  # noqa: DTZ001 -- the very mistake
