"""Periods by the school year, and a word for everything."""

from datetime import date

import pytest

from transfer_service.domain import oversight
from transfer_service.domain.event_words import BASIS_WORDS, EVENT_WORDS
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.oversight import Period, PeriodChoice, period_of


@pytest.mark.parametrize(
    "choice, today, starts_on, ends_on",
    [
        ("12-months", date(2026, 9, 7), date(2025, 9, 7), None),
        ("this-year", date(2026, 8, 31), date(2025, 9, 1), date(2026, 8, 31)),
        ("this-year", date(2026, 9, 1), date(2026, 9, 1), date(2027, 8, 31)),
        ("last-year", date(2026, 9, 1), date(2025, 9, 1), date(2026, 8, 31)),
        ("last-year", date(2027, 1, 15), date(2025, 9, 1), date(2026, 8, 31)),
        ("everything", date(2026, 9, 1), None, None),
    ],
)
def test_a_school_year_runs_from_september_to_august(choice, today, starts_on, ends_on):
    assert period_of(PeriodChoice(choice), today) == Period(starts_on, ends_on)


def test_every_event_and_basis_of_the_log_has_words():
    assert set(EVENT_WORDS) == set(Event)
    assert set(BASIS_WORDS) == set(Basis)
    assert not any(words.endswith(".") or words[0].isupper() for words in EVENT_WORDS.values())


def test_every_choice_of_an_authority_has_words():
    assert set(oversight.PERIOD_LABELS) == set(oversight.PeriodChoice)
    assert set(oversight.SCHOOL_ORDER_LABELS) == set(oversight.SchoolOrder)
    assert set(oversight.SCHOOL_SHOW_LABELS) == set(oversight.SchoolShow)
    assert set(oversight.DISPATCH_SHOW_LABELS) == set(oversight.DispatchShow)
    assert set(oversight.APPROVAL_REFUSAL_LABELS) == set(oversight.ApprovalRefusal)
