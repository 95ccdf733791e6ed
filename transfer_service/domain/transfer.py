"""The life of a dispatch: one table of transitions that code, tests and the diagram read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from transfer_service.domain.errors import RuleForbids, StateForbids


class Status(StrEnum):
    """Where a dispatch stands. A discarded draft has no status: its row is gone."""

    DRAFT = "draft"
    WAITING = "waiting"
    SENT = "sent"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    """What can be done to a dispatch as a whole."""

    SEND = "send"
    DELIVER = "deliver"
    OPEN = "open"
    ACKNOWLEDGE = "acknowledge"
    WITHDRAW = "withdraw"
    SEND_BACK = "send_back"
    REDIRECT = "redirect"
    DISCARD = "discard"
    WAIT_AGAIN = "wait_again"
    """Nobody at the receiving school holds the key any more: the sending school delivers it to the next one."""


class DispatchKind(StrEnum):
    """What is dispatched."""

    FILE = "file"
    NIL = "nil"


class TransferKind(StrEnum):
    """What kind of move it is; the deadline depends on it."""

    IN_YEAR = "in_year"
    PHASE = "phase"
    OTHER = "other"


class Side(StrEnum):
    """Who may do an act: one of the two schools, or the service by itself."""

    SENDING = "sending"
    RECEIVING = "receiving"
    SYSTEM = "system"


class RejectionReason(StrEnum):
    """Why a receiving school sends a dispatch back: a closed list, safe to count and to show to the authority."""

    NOT_JOINING = "not_joining"
    WRONG_SCHOOL = "wrong_school"
    WRONG_PUPIL = "wrong_pupil"
    DUPLICATE = "duplicate"
    INCOMPLETE = "incomplete"
    CANNOT_OPEN = "cannot_open"
    NIL_DISPUTED = "nil_disputed"
    OTHER = "other"


STATUS_LABELS: Mapping[Status, str] = MappingProxyType(
    {
        Status.DRAFT: "Draft",
        Status.WAITING: "Waiting for the receiving school’s key",
        Status.SENT: "Sent",
        Status.OPENED: "Opened",
        Status.ACKNOWLEDGED: "Acknowledged",
        Status.REJECTED: "Sent back",
        Status.WITHDRAWN: "Withdrawn",
    }
)

DISPATCH_KIND_LABELS: Mapping[DispatchKind, str] = MappingProxyType(
    {
        DispatchKind.FILE: "Safeguarding file",
        DispatchKind.NIL: "Nil declaration",
    }
)

TRANSFER_KIND_LABELS: Mapping[TransferKind, str] = MappingProxyType(
    {
        TransferKind.IN_YEAR: "In-year move",
        TransferKind.PHASE: "Starting Year 7 or junior Year 3",
        TransferKind.OTHER: "Another kind of move",
    }
)

REJECTION_REASON_LABELS: Mapping[RejectionReason, str] = MappingProxyType(
    {
        RejectionReason.NOT_JOINING: "The pupil is not joining our school",
        RejectionReason.WRONG_SCHOOL: "It was meant for another school",
        RejectionReason.WRONG_PUPIL: "The contents are about another pupil",
        RejectionReason.DUPLICATE: "We have already received this file",
        RejectionReason.INCOMPLETE: "Part of the file is missing",
        RejectionReason.CANNOT_OPEN: "An item cannot be opened",
        RejectionReason.NIL_DISPUTED: "We believe that the sending school holds information",
        RejectionReason.OTHER: "Another reason",
    }
)

# Contents that reached a school they were not meant for are a personal data breach of the sending school.
MISDIRECTION_REASONS = frozenset(
    {RejectionReason.NOT_JOINING, RejectionReason.WRONG_SCHOOL, RejectionReason.WRONG_PUPIL}
)


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an act leads and who may do it.

    `to` is None where the dispatch's row goes; it equals the state before for a redirect, which makes a new dispatch.
    `to_without_key` is where it leads while the receiving school has no live key, if that differs.
    """

    to: Status | None
    side: Side
    to_without_key: Status | None = None


TRANSITIONS: Mapping[tuple[DispatchKind, Status, Action], Transition] = MappingProxyType(
    {
        (DispatchKind.FILE, Status.DRAFT, Action.SEND): Transition(Status.SENT, Side.SENDING, Status.WAITING),
        (DispatchKind.FILE, Status.DRAFT, Action.DISCARD): Transition(None, Side.SENDING),
        (DispatchKind.FILE, Status.WAITING, Action.DELIVER): Transition(Status.SENT, Side.SYSTEM),
        (DispatchKind.FILE, Status.WAITING, Action.WITHDRAW): Transition(Status.WITHDRAWN, Side.SENDING),
        (DispatchKind.FILE, Status.SENT, Action.WITHDRAW): Transition(Status.WITHDRAWN, Side.SENDING),
        (DispatchKind.FILE, Status.SENT, Action.OPEN): Transition(Status.OPENED, Side.RECEIVING),
        (DispatchKind.FILE, Status.SENT, Action.SEND_BACK): Transition(Status.REJECTED, Side.RECEIVING),
        (DispatchKind.FILE, Status.OPENED, Action.ACKNOWLEDGE): Transition(Status.ACKNOWLEDGED, Side.RECEIVING),
        (DispatchKind.FILE, Status.OPENED, Action.SEND_BACK): Transition(Status.REJECTED, Side.RECEIVING),
        (DispatchKind.FILE, Status.ACKNOWLEDGED, Action.SEND_BACK): Transition(Status.REJECTED, Side.RECEIVING),
        (DispatchKind.FILE, Status.WITHDRAWN, Action.REDIRECT): Transition(Status.WITHDRAWN, Side.SENDING),
        (DispatchKind.FILE, Status.REJECTED, Action.REDIRECT): Transition(Status.REJECTED, Side.SENDING),
        (DispatchKind.FILE, Status.SENT, Action.WAIT_AGAIN): Transition(Status.WAITING, Side.SYSTEM),
        (DispatchKind.FILE, Status.OPENED, Action.WAIT_AGAIN): Transition(Status.WAITING, Side.SYSTEM),
        # A nil declaration has no contents: it waits for no key, is never opened, and is acknowledged as it is.
        (DispatchKind.NIL, Status.DRAFT, Action.SEND): Transition(Status.SENT, Side.SENDING),
        (DispatchKind.NIL, Status.DRAFT, Action.DISCARD): Transition(None, Side.SENDING),
        (DispatchKind.NIL, Status.SENT, Action.WITHDRAW): Transition(Status.WITHDRAWN, Side.SENDING),
        (DispatchKind.NIL, Status.SENT, Action.ACKNOWLEDGE): Transition(Status.ACKNOWLEDGED, Side.RECEIVING),
        (DispatchKind.NIL, Status.SENT, Action.SEND_BACK): Transition(Status.REJECTED, Side.RECEIVING),
        (DispatchKind.NIL, Status.ACKNOWLEDGED, Action.SEND_BACK): Transition(Status.REJECTED, Side.RECEIVING),
        (DispatchKind.NIL, Status.WITHDRAWN, Action.REDIRECT): Transition(Status.WITHDRAWN, Side.SENDING),
        (DispatchKind.NIL, Status.REJECTED, Action.REDIRECT): Transition(Status.REJECTED, Side.SENDING),
    }
)


def get_transition(kind: DispatchKind, status: Status, action: Action) -> Transition:
    """Return the row of the table, or raise StateForbids."""
    transition = TRANSITIONS.get((kind, status, action))
    if transition is None:
        raise StateForbids(status, action)
    return transition


def next_status(kind: DispatchKind, status: Status, action: Action, *, receiver_has_key: bool = True) -> Status:
    """Return the state after an act that leaves the dispatch's row; discarding a draft has no state after it.

    `receiver_has_key` matters to sending alone: without a live key at the receiving school a file waits.
    A redirect leaves the dispatch as it is; the new dispatch starts as if a draft were sent.
    Raises StateForbids where the table has no such row, ValueError for the act that deletes it.
    """
    transition = get_transition(kind, status, action)
    if transition.to is None:
        raise ValueError(f"after {action} there is no dispatch any more")
    if not receiver_has_key and transition.to_without_key is not None:
        return transition.to_without_key
    return transition.to


def available_actions(side: Side, kind: DispatchKind, status: Status) -> tuple[Action, ...]:
    """List what one side may do to a dispatch now, in the order of the Action list."""
    return tuple(
        action
        for action in Action
        if (transition := TRANSITIONS.get((kind, status, action))) is not None and transition.side is side
    )


def is_misdirection(status: Status, reason: RejectionReason) -> bool:
    """Whether sending back in this state for this reason is a personal data breach of the sending school.

    Before opening it is not: nobody saw the contents, because the cover sheet comes first.
    """
    return status in (Status.OPENED, Status.ACKNOWLEDGED) and reason in MISDIRECTION_REASONS


def check_acknowledgement(
    *,
    kind: DispatchKind,
    person_id: UUID,
    sent_by: UUID,
    opened_by: Collection[UUID],
    items: Collection[UUID],
    items_opened: Collection[UUID],
) -> None:
    """Raise RuleForbids unless this person may acknowledge this dispatch.

    Rules (docs/exchange.md, "Opened and acknowledged differ"): the person opened it, is not the one who sent it, and
    every item was opened. `opened_by` are the people of the receiving school who opened it; `items_opened` the items
    that were opened without a fault. A nil declaration has nothing to open, so only the second rule binds it.
    """
    if person_id == sent_by:
        raise RuleForbids(
            "acknowledged_by_sender",
            "You sent this, so you cannot acknowledge it too. Ask another safeguarding lead of the receiving school.",
        )
    if kind is DispatchKind.NIL:
        return
    if person_id not in opened_by:
        raise RuleForbids("not_opened", "Open and read the file yourself before you acknowledge it.")
    if not set(items) <= set(items_opened):
        raise RuleForbids(
            "items_not_opened",
            "Not every item has been opened. Open each one; if one cannot be opened, ask the sending school to seal "
            "it again.",
        )


def mermaid() -> str:
    """Return the state diagram of a file and of a nil declaration in Mermaid's notation, made from the table."""
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    for kind, suffix in ((DispatchKind.FILE, ""), (DispatchKind.NIL, " (nil)")):
        for (row_kind, status, action), transition in TRANSITIONS.items():
            if row_kind is not kind or (kind is DispatchKind.NIL and _same_for_a_file(status, action, transition)):
                continue
            target = "[*]" if transition.to is None else transition.to.value
            verb = action.value.replace("_", " ")
            if action is Action.REDIRECT:
                target = "new_dispatch"
            lines.append(f"    {status.value} --> {target}: {verb}{suffix}")
            if transition.to_without_key is not None:
                lines.append(f"    {status.value} --> {transition.to_without_key.value}: {verb}, no key there yet")
    return "\n".join(lines) + "\n"


def _same_for_a_file(status: Status, action: Action, transition: Transition) -> bool:
    """Whether a file goes the same way as a nil declaration, so that one arrow serves both."""
    as_file = TRANSITIONS.get((DispatchKind.FILE, status, action))
    return as_file is not None and as_file.to is transition.to
