from datetime import date
from uuid import UUID

import pytest

from transfer_service.domain.compliance import (
    ENDED,
    OUTCOME_LABELS,
    REASON_LABELS,
    DispatchFacts,
    Outcome,
    Reason,
    SchoolSummary,
    classify,
    classify_move,
)
from transfer_service.domain.deadlines import Band
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status

DUE = date(2026, 9, 21)
RECEIVER_DUE = date(2026, 9, 25)
SENT = {"sent_on": date(2026, 9, 18), "receiver_due_on": RECEIVER_DUE}
SOON = date(2026, 9, 19)
LATE = date(2026, 10, 1)


def facts(status, **more):
    return DispatchFacts(**({"kind": DispatchKind.FILE, "status": status, "due_on": DUE} | more))


@pytest.mark.parametrize(
    "dispatch, today, expected",
    [
        (facts(Status.DRAFT), SOON, ("nothing_sent", "not_due", None, None)),
        (facts(Status.DRAFT), LATE, ("nothing_sent", "overdue", None, "sender_late")),
        (facts(Status.DRAFT), date(2026, 12, 1), ("nothing_sent", "never", None, "sender_late")),
        (facts(Status.WAITING, sent_on=SOON), LATE, ("waiting", "on_time", None, None)),
        (facts(Status.WAITING, sent_on=SOON, receiver_has_dsl=False), LATE, ("waiting", "on_time", None, "no_dsl")),
        (facts(Status.SENT, **SENT), SOON, ("sent", "on_time", "not_due", None)),
        (facts(Status.SENT, **SENT), LATE, ("sent", "on_time", "overdue", "receiver_not_opened")),
        (facts(Status.SENT, **SENT), date(2026, 12, 1), ("sent", "on_time", "never", "receiver_not_opened")),
        (facts(Status.SENT, **SENT, alert_bounced=True), SOON, ("sent", "on_time", "not_due", "address_bounced")),
        (facts(Status.SENT, **SENT, receiver_closed=True), SOON, ("sent", "on_time", "not_due", "school_closed")),
        (
            facts(Status.OPENED, **SENT, opened_on=SOON),
            LATE,
            ("sent", "on_time", "overdue", "receiver_not_acknowledged"),
        ),
        (facts(Status.OPENED, **SENT, item_unreadable=True), SOON, ("sent", "on_time", "not_due", "technical")),
        (facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=SOON), LATE, ("file_received", "on_time", "on_time", None)),
        (facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=LATE), LATE, ("file_received", "on_time", "late", None)),
        (
            facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=SOON, kind=DispatchKind.NIL),
            LATE,
            ("nil_declared", "on_time", "on_time", None),
        ),
        (facts(Status.WITHDRAWN, sent_on=date(2026, 9, 30)), LATE, ("withdrawn", "late", None, None)),
        (facts(Status.WITHDRAWN), LATE, ("withdrawn", "overdue", None, "sender_late")),
        (facts(Status.REJECTED, **SENT), LATE, ("sent_back", "on_time", None, "disputed")),
    ],
)
def test_a_dispatch_is_judged_on_both_clocks(dispatch, today, expected):
    found = classify(dispatch, today)
    assert (found.outcome, found.sender, found.receiver, found.reason) == expected


@pytest.mark.parametrize(
    "rejection, reason",
    [
        ("not_joining", "wrong_school"),
        ("wrong_school", "wrong_school"),
        ("wrong_pupil", "wrong_school"),
        ("duplicate", "disputed"),
        ("incomplete", "disputed"),
        ("cannot_open", "technical"),
        ("nil_disputed", "disputed"),
        ("other", "disputed"),
    ],
)
def test_what_was_sent_back_says_why(rejection, reason):
    dispatch = facts(Status.REJECTED, **SENT, rejection_reason=RejectionReason(rejection))
    assert classify(dispatch, SOON).reason == reason


def test_only_two_outcomes_end_a_move():
    assert {outcome.value for outcome in ENDED} == {"file_received", "nil_declared"}
    assert classify(facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=SOON), LATE).outcome in ENDED
    assert classify(facts(Status.SENT, **SENT), LATE).outcome not in ENDED


def move(*dispatches):
    return classify_move(dispatches, LATE)


REJECTED = facts(Status.REJECTED, **SENT, rejection_reason=RejectionReason.WRONG_SCHOOL)
RECEIVED = facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=SOON)
NIL = facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=SOON, kind=DispatchKind.NIL)


def test_a_file_that_reached_the_right_school_after_the_wrong_one_ends_the_move():
    assert move(REJECTED, RECEIVED).outcome is Outcome.FILE_RECEIVED


def test_a_later_file_corrects_a_nil_declaration():
    assert move(NIL, RECEIVED).outcome is Outcome.FILE_RECEIVED
    assert move(RECEIVED, NIL).outcome is Outcome.FILE_RECEIVED


def test_a_nil_declaration_ends_a_move():
    assert move(NIL).outcome is Outcome.NIL_DECLARED


def test_what_is_under_way_counts_above_what_came_back():
    assert move(REJECTED, facts(Status.SENT, **SENT)).outcome is Outcome.SENT
    assert move(REJECTED, facts(Status.WAITING, sent_on=SOON)).outcome is Outcome.WAITING


def test_what_came_back_and_was_not_sent_again_stays_open():
    found = move(REJECTED)
    assert (found.outcome, found.reason) == (Outcome.SENT_BACK, Reason.WRONG_SCHOOL)


def test_the_last_of_several_drafts_counts():
    assert move(REJECTED, facts(Status.DRAFT)).outcome is Outcome.NOTHING_SENT


def summary(*, received=0, files=0, nils=0):
    """Return the counts of a school that sent and received so much."""
    return SchoolSummary(
        school_id=UUID(int=7),
        outcomes={Outcome.FILE_RECEIVED: files, Outcome.NIL_DECLARED: nils},
        sender={Band.ON_TIME: files + nils},
        receiver={Band.ON_TIME: received},
        reasons={},
        files_sent=files,
        nils_declared=nils,
    )


def test_only_a_school_that_neither_sent_nor_received_is_silent():
    assert summary().has_no_activity
    assert not summary(received=1).has_no_activity
    assert not summary(nils=1).has_no_activity


@pytest.mark.parametrize("files, nils, stands_out", [(0, 4, False), (0, 5, True), (1, 9, False)])
def test_a_school_that_always_declares_nil_stands_out(files, nils, stands_out):
    assert summary(files=files, nils=nils).always_declares_nil is stands_out


def test_every_outcome_and_reason_has_a_label():
    assert set(OUTCOME_LABELS) == set(Outcome)
    assert set(REASON_LABELS) == set(Reason)
