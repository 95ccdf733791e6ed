"""The two clocks of a dispatch and what can be done now, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from transfer_service.domain.calendars import local_day
from transfer_service.domain.dates import say_date, say_time
from transfer_service.domain.deadlines import (
    BAND_LABELS,
    CLOCK_START_LABELS,
    CLOCK_UNIT_LABELS,
    Band,
    ClockStart,
    ClockUnit,
    band,
    days_late,
)
from transfer_service.domain.events import Event
from transfer_service.domain.transfer import DispatchKind, Side, Status
from transfer_service.use_cases.transfers.timeline import Happening
from transfer_service.use_cases.transfers.viewing import DispatchView

ENDED = frozenset({Status.WITHDRAWN, Status.REJECTED})

_DRAFT = "Nothing has been sent yet. Only your school can see this."
_STATES: Mapping[tuple[Status, Side], str] = MappingProxyType(
    {
        (Status.DRAFT, Side.SENDING): _DRAFT,
        (Status.DRAFT, Side.RECEIVING): _DRAFT,
        (Status.WAITING, Side.SENDING): "You have sent the file. The receiving school has no key yet, so it cannot "
        "open it. The file is sealed and reaches the school by itself once it has a key and one of you signs in. You "
        "need not do anything.",
        (Status.WAITING, Side.RECEIVING): "A file is waiting for your school. Once your school has its key, it reaches "
        "you when the sending school next signs in.",
        (Status.SENT, Side.SENDING): "The file was sent and the receiving school was told. Nobody there has opened it "
        "yet.",
        (Status.SENT, Side.RECEIVING): "The file has arrived. Check the cover sheet, confirm that the pupil is "
        "joining, and open it.",
        (Status.OPENED, Side.SENDING): "The receiving school has opened the file and has not acknowledged it yet.",
        (Status.OPENED, Side.RECEIVING): "The file was opened at your school. Read every item, then acknowledge it.",
        (Status.ACKNOWLEDGED, Side.SENDING): "The receiving school has acknowledged it. Your part is done; keep the "
        "receipt.",
        (Status.ACKNOWLEDGED, Side.RECEIVING): "Your school has acknowledged it. The file "
        "belongs in your school’s own system: some time after you state that it is there, it is deleted here.",
        (Status.REJECTED, Side.SENDING): "The receiving school sent it back. Your school is responsible for it again.",
        (Status.REJECTED, Side.RECEIVING): "Your school sent it back.",
        (Status.WITHDRAWN, Side.SENDING): "You withdrew it. The receiving school can no longer open it.",
        (Status.WITHDRAWN, Side.RECEIVING): "The sending school withdrew it.",
    }
)
_NIL_STATES: Mapping[tuple[Status, Side], str] = MappingProxyType(
    {
        (Status.SENT, Side.SENDING): "Your declaration was sent. The receiving school has not acknowledged it yet.",
        (Status.SENT, Side.RECEIVING): "The sending school declares that it holds no safeguarding information. Read it "
        "and acknowledge it.",
    }
)

_SEVERAL: Mapping[Event, str] = MappingProxyType(
    {
        Event.NOTE_SEALED: "sealed {count} notes",
        Event.ATTACHMENT_SEALED: "sealed {count} attachments",
        Event.ITEM_REMOVED: "removed {count} items",
        Event.ITEM_REENCRYPTED: "encrypted {count} items again under new keys; their contents stayed as they were",
        Event.COVER_SHOWN: "looked at the cover sheet {count} times",
        Event.NOTES_READ: "read the contents {count} times",
        Event.ATTACHMENT_DOWNLOADED: "downloaded {count} attachments",
        Event.RECEIPT_DOWNLOADED: "downloaded {count} receipts",
        Event.ALERT_SENT: "{count} alerts were sent",
        Event.ALERT_FAILED: "{count} alerts could not be sent yet",
        Event.ALERT_ABANDONED: "{count} alerts could not be sent at all",
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """One line of what happened: who, for which school, what, and when the last of it was done."""

    person: str | None
    school: str | None
    did: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClockWords:
    """One clock: `heading` names it, `band` colours its tag, `sentences` tell the day and how it was counted."""

    heading: str
    band: str
    label: str
    sentences: tuple[str, ...]


def day_of(moment: datetime | None) -> date | None:
    """The day in England of a moment."""
    return None if moment is None else local_day(moment)


def say_clocks(dispatch: DispatchView, *, today: date) -> tuple[ClockWords, ...]:
    """Both clocks of a dispatch: the sender's, and once it is delivered the receiver's."""
    clocks = [
        _clock(
            "Sending",
            due=dispatch.due_on,
            done=day_of(dispatch.sent_at),
            today=today,
            basis=dispatch.clock.get("sender", {}),
            verbs=("Sent", "To be sent"),
        )
    ]
    if dispatch.delivered_at is not None and dispatch.status not in ENDED:
        clocks.append(
            _clock(
                "Acknowledging",
                due=dispatch.receiver_due_on,
                done=day_of(dispatch.acknowledged_at),
                today=today,
                basis=dispatch.clock.get("receiver", {}),
                verbs=("Acknowledged", "To be acknowledged"),
            )
        )
    return tuple(clocks)


def due_tag(due: date | None, done: date | None, *, today: date) -> tuple[str, str]:
    """The words and the band of a tag in a list."""
    found = band(due, done, today)
    if done is None and due is not None and found is Band.NOT_DUE:
        left = (due - today).days
        return ("Due today" if left == 0 else f"Due {say_date(due)}"), found.value
    late = days_late(due, done, today)
    if done is None and late:
        return f"Overdue by {late} {'day' if late == 1 else 'days'}", found.value
    return BAND_LABELS[found], found.value


def _clock(
    heading: str,
    *,
    due: date | None,
    done: date | None,
    today: date,
    basis: Mapping[str, Any],
    verbs: tuple[str, str],
) -> ClockWords:
    label, colour = due_tag(due, done, today=today)
    sentences = []
    if done is not None:
        sentences.append(f"{verbs[0]} on {say_date(done)}." + (f" It was due by {say_date(due)}." if due else ""))
    elif due is not None:
        sentences.append(f"{verbs[1]} by {say_date(due)}.")
    else:
        sentences.append("The day by which it is due is not known yet, because the first day of term is not known.")
    if basis:
        sentences.extend(_say_basis(basis, counted=due is not None))
    return ClockWords(heading, colour, label, tuple(sentences))


def _say_basis(basis: Mapping[str, Any], *, counted: bool) -> list[str]:
    said = []
    if counted:
        unit = CLOCK_UNIT_LABELS[ClockUnit(basis["unit"])]
        start = CLOCK_START_LABELS[ClockStart(basis["start"])]
        first = "counting that day" if basis["first_day_counts"] else "not counting that day"
        begun = f" ({say_date(date.fromisoformat(basis['started_on']))})" if basis.get("started_on") else ""
        said.append(f"That is {basis['length']} {unit} from {start}{begun}, {first}.")
    if not basis.get("known_terms", True):
        said.append("No term dates are known for these days, so weekdays that are no bank holidays were counted.")
    return said


def say_state(dispatch: DispatchView, side: Side) -> str:
    """What the state means for the school that looks at it."""
    is_nil = dispatch.kind is DispatchKind.NIL
    said = _NIL_STATES.get((dispatch.status, side)) if is_nil else None
    return said or _STATES[dispatch.status, side]


def tell(happenings: Iterable[Happening]) -> list[Told]:
    """Turn what happened into lines: what the same person did several times within one minute becomes one of them."""
    told: list[Told] = []
    before, count = None, 0
    for one in happenings:
        alike = (one.event, one.person, one.school, one.dispatch_id, say_time(one.at))
        count = count + 1 if alike == before and one.event in _SEVERAL else 1
        if count > 1:
            told.pop()
        did = _SEVERAL[one.event].format(count=count) if count > 1 else one.did
        told.append(Told(one.person, one.school, did[0].upper() + did[1:] if one.person is None else did, one.at))
        before = alike
    return told
