"""The whole matrix of states and acts, from literals."""

from itertools import product
from pathlib import Path

import pytest

from transfer_service.domain.errors import StateForbids
from transfer_service.domain.transfer import (
    DISPATCH_KIND_LABELS,
    REJECTION_REASON_LABELS,
    STATUS_LABELS,
    TRANSFER_KIND_LABELS,
    TRANSITIONS,
    Action,
    DispatchKind,
    RejectionReason,
    Side,
    Status,
    TransferKind,
    available_actions,
    get_transition,
    is_misdirection,
    mermaid,
    next_status,
)

ROOT = Path(__file__).parents[3]

FILE = {
    ("draft", "send"): ("sent", "sending"),
    ("draft", "discard"): (None, "sending"),
    ("waiting", "deliver"): ("sent", "system"),
    ("waiting", "withdraw"): ("withdrawn", "sending"),
    ("sent", "withdraw"): ("withdrawn", "sending"),
    ("sent", "open"): ("opened", "receiving"),
    ("sent", "send_back"): ("rejected", "receiving"),
    ("opened", "acknowledge"): ("acknowledged", "receiving"),
    ("opened", "send_back"): ("rejected", "receiving"),
    ("acknowledged", "send_back"): ("rejected", "receiving"),
    ("withdrawn", "redirect"): ("withdrawn", "sending"),
    ("rejected", "redirect"): ("rejected", "sending"),
    ("sent", "wait_again"): ("waiting", "system"),
    ("opened", "wait_again"): ("waiting", "system"),
}
NIL = {
    ("draft", "send"): ("sent", "sending"),
    ("draft", "discard"): (None, "sending"),
    ("sent", "withdraw"): ("withdrawn", "sending"),
    ("sent", "acknowledge"): ("acknowledged", "receiving"),
    ("sent", "send_back"): ("rejected", "receiving"),
    ("acknowledged", "send_back"): ("rejected", "receiving"),
    ("withdrawn", "redirect"): ("withdrawn", "sending"),
    ("rejected", "redirect"): ("rejected", "sending"),
}
EXPECTED = {"file": FILE, "nil": NIL}


@pytest.mark.parametrize("kind, status, action", list(product(DispatchKind, Status, Action)))
def test_each_act_in_each_state_leads_where_the_table_of_the_exchange_says(kind, status, action):
    expected = EXPECTED[kind.value].get((status.value, action.value))
    if expected is None:
        with pytest.raises(StateForbids) as refused:
            get_transition(kind, status, action)
        assert (refused.value.status, refused.value.action) == (status.value, action.value)
        assert "Reload the page" in refused.value.sentence
    else:
        assert get_transition(kind, status, action).to == expected[0]


@pytest.mark.parametrize("kind, status, side", list(product(DispatchKind, Status, Side)))
def test_each_side_is_offered_its_own_acts_and_no_others(kind, status, side):
    expected = {
        action for (at, action), (_, who) in EXPECTED[kind.value].items() if at == status.value and who == side.value
    }
    offered = available_actions(side, kind, status)
    assert {action.value for action in offered} == expected
    assert list(offered) == sorted(offered, key=list(Action).index)


def test_there_is_no_row_beyond_those():
    assert len(TRANSITIONS) == 14 + 8


@pytest.mark.parametrize("kind, status, action", TRANSITIONS)
def test_an_act_that_leaves_the_dispatch_says_where_it_stands_next(kind, status, action):
    if action is Action.DISCARD:
        with pytest.raises(ValueError, match="after discard there is no dispatch any more"):
            next_status(kind, status, action)
    else:
        assert next_status(kind, status, action) == EXPECTED[kind.value][status.value, action.value][0]


def test_a_file_waits_while_the_receiver_has_no_key():
    assert next_status(DispatchKind.FILE, Status.DRAFT, Action.SEND, receiver_has_key=False) is Status.WAITING


def test_a_nil_declaration_never_waits_for_a_key():
    assert next_status(DispatchKind.NIL, Status.DRAFT, Action.SEND, receiver_has_key=False) is Status.SENT


def test_a_missing_key_changes_nothing_but_sending():
    assert next_status(DispatchKind.FILE, Status.SENT, Action.WITHDRAW, receiver_has_key=False) is Status.WITHDRAWN


@pytest.mark.parametrize(
    "status, reason, expected",
    [
        (Status.OPENED, RejectionReason.WRONG_SCHOOL, True),
        (Status.OPENED, RejectionReason.NOT_JOINING, True),
        (Status.ACKNOWLEDGED, RejectionReason.WRONG_PUPIL, True),
        (Status.SENT, RejectionReason.WRONG_SCHOOL, False),
        (Status.OPENED, RejectionReason.INCOMPLETE, False),
        (Status.ACKNOWLEDGED, RejectionReason.DUPLICATE, False),
    ],
)
def test_only_contents_that_were_opened_by_the_wrong_school_are_a_breach(status, reason, expected):
    assert is_misdirection(status, reason) is expected


def test_the_diagram_in_the_documents_is_the_one_that_the_table_makes():
    assert f"```mermaid\n{mermaid()}```" in (ROOT / "docs" / "state-diagram.md").read_text(encoding="utf-8")


def test_the_diagram_in_the_readme_is_the_one_that_the_table_makes():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README.md yet")
    assert mermaid() in readme.read_text(encoding="utf-8")


def test_the_diagram_shows_each_way_once():
    assert mermaid() == (
        "stateDiagram-v2\n"
        "    [*] --> draft\n"
        "    draft --> sent: send\n"
        "    draft --> waiting: send, no key there yet\n"
        "    draft --> [*]: discard\n"
        "    waiting --> sent: deliver\n"
        "    waiting --> withdrawn: withdraw\n"
        "    sent --> withdrawn: withdraw\n"
        "    sent --> opened: open\n"
        "    sent --> rejected: send back\n"
        "    opened --> acknowledged: acknowledge\n"
        "    opened --> rejected: send back\n"
        "    acknowledged --> rejected: send back\n"
        "    withdrawn --> new_dispatch: redirect\n"
        "    rejected --> new_dispatch: redirect\n"
        "    sent --> waiting: wait again\n"
        "    opened --> waiting: wait again\n"
        "    sent --> acknowledged: acknowledge (nil)\n"
    )


@pytest.mark.parametrize(
    "labels, words",
    [
        (STATUS_LABELS, Status),
        (DISPATCH_KIND_LABELS, DispatchKind),
        (TRANSFER_KIND_LABELS, TransferKind),
        (REJECTION_REASON_LABELS, RejectionReason),
    ],
)
def test_every_word_has_a_label(labels, words):
    assert set(labels) == set(words)
    assert len(set(labels.values())) == len(words)


def test_the_words_of_the_api_are_kept():
    assert " ".join(Status) == "draft waiting sent opened acknowledged rejected withdrawn"
