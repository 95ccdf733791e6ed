"""Who may keep a share, when a drill is due, and how a request goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from transfer_service.domain.custodians import (
    KEEPER_PROBLEM_SENTENCES,
    RECOVERY_STATE_LABELS,
    Keeper,
    KeeperProblem,
    RecoveryState,
    is_drill_due,
    list_problems,
    next_recovery_state,
)

NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
NEITHER = Keeper(works_for_authority=False, is_head_of_service=False, operates_service=False)
OFFICER = Keeper(works_for_authority=True, is_head_of_service=False, operates_service=False)
HEAD = Keeper(works_for_authority=True, is_head_of_service=True, operates_service=False)
OPERATOR = Keeper(works_for_authority=False, is_head_of_service=False, operates_service=True)


@pytest.mark.parametrize(
    "keepers, problems",
    [
        ([NEITHER] * 5, []),
        ([NEITHER] * 4 + [OFFICER], []),
        ([NEITHER] * 4, ["too_few"]),
        ([], ["too_few"]),
        ([NEITHER] * 3 + [OFFICER] * 2, ["too_many_of_authority"]),
        ([NEITHER] * 4 + [HEAD], ["head_of_service"]),
        ([NEITHER] * 4 + [OPERATOR], ["operates_service"]),
        ([HEAD, OFFICER, OPERATOR], ["too_few", "too_many_of_authority", "head_of_service", "operates_service"]),
    ],
)
def test_at_most_one_keeper_works_for_the_authority_and_none_leads_it_or_runs_the_service(keepers, problems):
    assert [one.value for one in list_problems(keepers)] == problems


@pytest.mark.parametrize("days, due", [(0, False), (364, False), (365, True), (900, True)])
def test_a_drill_is_due_after_a_year(days, due):
    assert is_drill_due(NOW - timedelta(days=days), NOW) is due


def test_a_drill_that_never_was_is_due():
    assert is_drill_due(None, NOW)


@pytest.mark.parametrize(
    "state, after",
    [
        ("requested", "first_approved"),
        ("first_approved", "approved"),
        ("approved", None),
        ("exported", None),
        ("completed", None),
        ("refused", None),
    ],
)
def test_two_approvals_and_no_third(state, after):
    found = next_recovery_state(RecoveryState(state))
    assert (found.value if found else None) == after


def test_every_state_and_problem_has_its_words():
    assert set(RECOVERY_STATE_LABELS) == set(RecoveryState)
    assert set(KEEPER_PROBLEM_SENTENCES) == set(KeeperProblem)
