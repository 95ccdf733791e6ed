from datetime import date
from uuid import UUID

import pytest

from transfer_service.domain.compliance import (
    ENDED,
    OUTCOME_LABELS,
    REASON_LABELS,
    Classification,
    Closing,
    DispatchFacts,
    Outcome,
    Reason,
    classify,
    classify_move,
    summarise,
)
from transfer_service.domain.deadlines import Band
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status

DUE = date(2026, 9, 21)
RECEIVER_DUE = date(2026, 9, 25)
SENT = {"sent_on": date(2026, 9, 18), "receiver_due_on": RECEIVER_DUE}
SOON = date(2026, 9, 19)
LATE = date(2026, 10, 1)
SCHOOL = UUID(int=7)


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


def test_only_four_outcomes_end_a_move():
    assert {outcome.value for outcome in ENDED} == {
        "file_received",
        "nil_declared",
        "destination_unknown",
        "outside_scheme",
    }
    assert classify(facts(Status.ACKNOWLEDGED, **SENT, acknowledged_on=SOON), LATE).has_ended
    assert not classify(facts(Status.SENT, **SENT), LATE).has_ended


def move(*dispatches, closing=None, today=LATE):
    return classify_move(dispatches, closing=closing, due_on=DUE, today=today)


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
    assert (found.outcome, found.reason, found.has_ended) == (Outcome.SENT_BACK, Reason.WRONG_SCHOOL, False)


def test_the_last_of_several_drafts_counts():
    assert move(REJECTED, facts(Status.DRAFT)).outcome is Outcome.NOTHING_SENT


@pytest.mark.parametrize("closing", list(Closing))
def test_a_move_that_needs_no_dispatch_is_closed_by_a_person(closing):
    found = move(closing=closing)
    assert found == Classification(outcome=Outcome(closing.value), sender=Band.ON_TIME, receiver=None, reason=None)
    assert found.has_ended


def test_a_file_counts_above_a_closing():
    assert move(RECEIVED, closing=Closing.OUTSIDE_SCHEME).outcome is Outcome.FILE_RECEIVED


@pytest.mark.parametrize(
    "today, sender, reason",
    [(SOON, "not_due", None), (LATE, "overdue", "sender_late"), (date(2027, 1, 1), "never", "sender_late")],
)
def test_a_move_without_any_dispatch_is_the_senders_to_make(today, sender, reason):
    found = move(today=today)
    assert (found.outcome, found.sender, found.receiver, found.reason) == ("nothing_sent", sender, None, reason)


def test_counts_by_school_name_every_outcome_and_band():
    sent = [
        (DispatchKind.FILE, classify(RECEIVED, LATE)),
        (DispatchKind.NIL, classify(NIL, LATE)),
        (DispatchKind.FILE, classify(facts(Status.SENT, **SENT), LATE)),
        (DispatchKind.FILE, classify(REJECTED, LATE)),
        (None, move()),
    ]
    received = [classify(RECEIVED, LATE), classify(facts(Status.DRAFT), LATE)]
    summary = summarise(SCHOOL, sent, received)
    assert summary.school_id == SCHOOL
    assert {outcome.value: count for outcome, count in summary.outcomes.items() if count} == {
        "file_received": 1,
        "nil_declared": 1,
        "sent": 1,
        "sent_back": 1,
        "nothing_sent": 1,
    }
    assert dict(summary.sender) == {"on_time": 4, "late": 0, "not_due": 0, "overdue": 1, "never": 0}
    assert dict(summary.receiver) == {"on_time": 1, "late": 0, "not_due": 0, "overdue": 0, "never": 0}
    assert {reason.value: count for reason, count in summary.reasons.items() if count} == {
        "receiver_not_opened": 1,
        "wrong_school": 1,
        "sender_late": 1,
    }
    assert (summary.files_sent, summary.nils_declared) == (2, 1)
    assert not summary.has_no_activity
    assert not summary.always_declares_nil


def test_a_silent_school_is_named_as_such():
    assert summarise(SCHOOL, [], []).has_no_activity


def test_a_school_that_only_received_is_not_silent():
    assert not summarise(SCHOOL, [], [classify(RECEIVED, LATE)]).has_no_activity


@pytest.mark.parametrize("count, stands_out", [(4, False), (5, True)])
def test_a_school_that_always_declares_nil_stands_out(count, stands_out):
    nils = [(DispatchKind.NIL, classify(NIL, LATE))] * count
    assert summarise(SCHOOL, nils, []).always_declares_nil is stands_out


def test_one_file_among_the_nils_is_enough_not_to_stand_out():
    sent = [(DispatchKind.NIL, classify(NIL, LATE))] * 9 + [(DispatchKind.FILE, classify(RECEIVED, LATE))]
    assert not summarise(SCHOOL, sent, []).always_declares_nil


def test_every_outcome_and_reason_has_a_label():
    assert set(OUTCOME_LABELS) == set(Outcome)
    assert set(REASON_LABELS) == set(Reason)
