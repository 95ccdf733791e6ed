"""Every permission guards something, every event is recorded by something, every kind of alert is sent by something."""

from enum import StrEnum

import pytest

from tests.architecture.tree import dotted_names, python_files
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission

WORDS = {
    Permission: (
        "transfer_service/domain/permissions.py",
        "transfer_service/web/navigation.py",  # a link guards nothing
    ),
    Event: (
        "transfer_service/domain/events.py",
        "transfer_service/domain/event_words.py",
        "transfer_service/use_cases/backups/lost_acts.py",  # sorts what others recorded
    ),
    AlertKind: (
        "transfer_service/domain/alerts.py",
        "transfer_service/alerts/wording.py",
        "transfer_service/alerts/messages.py",
        "transfer_service/use_cases/oversight/undelivered.py",
    ),
}
"""Where the members are defined, worded and listed: being named there is no use of them."""


def unused(kind: type[StrEnum], worded_in: tuple[str, ...]) -> list[str]:
    """The members that no module names but those which only define and word them."""
    named: set[str] = set()
    for path in python_files("transfer_service"):
        if str(path) not in worded_in:
            named |= {name.rpartition(".")[2] for _, name in dotted_names(path) if name.startswith(f"{kind.__name__}.")}
    return [one.name for one in kind if one.name not in named]


@pytest.mark.parametrize("kind", WORDS)
def test_every_member_is_used_by_something(kind: type[StrEnum]):
    assert unused(kind, WORDS[kind]) == []


def test_a_member_that_nothing_uses_would_be_found():
    class Event(StrEnum):
        TRANSFER_CREATED = "transfer.created"
        NOBODY_EVER_DID_THIS = "nobody.did"

    assert unused(Event, ()) == ["NOBODY_EVER_DID_THIS"]
