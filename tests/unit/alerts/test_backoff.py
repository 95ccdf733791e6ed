from datetime import UTC, datetime, timedelta

import pytest

from transfer_service.alerts.backoff import is_given_up, next_attempt_at

NOW = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "attempts, seconds",
    [(1, 30), (2, 60), (3, 120), (9, 7_680), (10, 14_400), (11, 14_400), (1_000_000, 14_400)],
)
def test_the_delay_doubles_up_to_four_hours(attempts, seconds):
    assert next_attempt_at(NOW, attempts=attempts, jitter=0.0) == NOW + timedelta(seconds=seconds)


def test_jitter_takes_away_at_most_half_of_the_delay():
    assert next_attempt_at(NOW, attempts=2, jitter=0.5) == NOW + timedelta(seconds=45)
    assert next_attempt_at(NOW, attempts=2, jitter=0.999) > NOW + timedelta(seconds=30)


@pytest.mark.parametrize("attempts, jitter", [(0, 0.0), (-1, 0.0), (1, 1.0), (1, -0.1)])
def test_what_is_out_of_range_is_refused(attempts, jitter):
    with pytest.raises(ValueError, match="attempts begin at 1"):
        next_attempt_at(NOW, attempts=attempts, jitter=jitter)


def test_an_alert_is_given_up_after_fifteen_attempts_within_about_a_day():
    assert not is_given_up(14)
    assert is_given_up(15)
    moment = NOW
    for attempts in range(1, 15):
        moment = next_attempt_at(moment, attempts=attempts, jitter=0.0)
    assert timedelta(hours=20) < moment - NOW < timedelta(hours=30)
