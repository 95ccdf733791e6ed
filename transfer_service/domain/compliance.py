"""What became of each transfer: outcomes, reasons and counts, computed from facts and never stored.

This is how the rules read. An authority's figures are counted by the database, which says the same in SQL
(`db.queries.compliance`); a test holds the two together over every combination.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from transfer_service.domain.deadlines import Band, band
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status


class Outcome(StrEnum):
    """Where a move stands; the first two end it."""

    FILE_RECEIVED = "file_received"
    NIL_DECLARED = "nil_declared"
    NOTHING_SENT = "nothing_sent"
    WAITING = "waiting"
    SENT = "sent"
    SENT_BACK = "sent_back"
    WITHDRAWN = "withdrawn"


ENDED = frozenset({Outcome.FILE_RECEIVED, Outcome.NIL_DECLARED})

OUTCOME_LABELS: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.FILE_RECEIVED: "File received",
        Outcome.NIL_DECLARED: "Nil declared",
        Outcome.NOTHING_SENT: "Nothing sent yet",
        Outcome.WAITING: "Waiting for the receiving school’s key",
        Outcome.SENT: "Sent, not acknowledged",
        Outcome.SENT_BACK: "Sent back",
        Outcome.WITHDRAWN: "Withdrawn",
    }
)


class Reason(StrEnum):
    """Why a move has not ended as it should: the closed list of failures."""

    NO_DSL = "no_dsl"
    ADDRESS_BOUNCED = "address_bounced"
    SCHOOL_CLOSED = "school_closed"
    RECEIVER_NOT_OPENED = "receiver_not_opened"
    RECEIVER_NOT_ACKNOWLEDGED = "receiver_not_acknowledged"
    SENDER_LATE = "sender_late"
    WRONG_SCHOOL = "wrong_school"
    TECHNICAL = "technical"
    DISPUTED = "disputed"


REASON_LABELS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_DSL: "No safeguarding lead on record at the receiving school",
        Reason.ADDRESS_BOUNCED: "Alerts do not reach the receiving school",
        Reason.SCHOOL_CLOSED: "The receiving school is closed",
        Reason.RECEIVER_NOT_OPENED: "The receiving school has not opened it",
        Reason.RECEIVER_NOT_ACKNOWLEDGED: "The receiving school has not acknowledged it",
        Reason.SENDER_LATE: "The sending school is late",
        Reason.WRONG_SCHOOL: "It went to the wrong school",
        Reason.TECHNICAL: "An item cannot be opened",
        Reason.DISPUTED: "The receiving school disputes it",
    }
)

_REASON_OF_REJECTION: Mapping[RejectionReason, Reason] = MappingProxyType(
    {
        RejectionReason.NOT_JOINING: Reason.WRONG_SCHOOL,
        RejectionReason.WRONG_SCHOOL: Reason.WRONG_SCHOOL,
        RejectionReason.WRONG_PUPIL: Reason.WRONG_SCHOOL,
        RejectionReason.DUPLICATE: Reason.DISPUTED,
        RejectionReason.INCOMPLETE: Reason.DISPUTED,
        RejectionReason.CANNOT_OPEN: Reason.TECHNICAL,
        RejectionReason.NIL_DISPUTED: Reason.DISPUTED,
        RejectionReason.OTHER: Reason.DISPUTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchFacts:
    """What is known of one dispatch; all days are days in England.

    `due_on` is the sender's, `receiver_due_on` the receiver's date, None until it was sent.
    """

    kind: DispatchKind
    status: Status
    due_on: date | None
    sent_on: date | None = None
    receiver_due_on: date | None = None
    opened_on: date | None = None
    acknowledged_on: date | None = None
    rejection_reason: RejectionReason | None = None
    receiver_has_dsl: bool = True
    receiver_closed: bool = False
    alert_bounced: bool = False
    item_unreadable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """How one dispatch or move stands: its outcome, both clocks, and why it is stuck if it is.

    `receiver` is None while the receiver's clock does not run: nothing has reached the school.
    """

    outcome: Outcome
    sender: Band
    receiver: Band | None
    reason: Reason | None


def classify(facts: DispatchFacts, today: date) -> Classification:
    """Say how one dispatch stands on both clocks, as of `today`."""
    sender = band(facts.due_on, facts.sent_on, today)
    delivered = facts.sent_on is not None and facts.status in (Status.SENT, Status.OPENED, Status.ACKNOWLEDGED)
    receiver = band(facts.receiver_due_on, facts.acknowledged_on, today) if delivered else None
    outcome = _outcome(facts)
    return Classification(
        outcome=outcome, sender=sender, receiver=receiver, reason=_find_reason(facts, outcome, sender, receiver)
    )


def classify_move(dispatches: Sequence[DispatchFacts], today: date) -> Classification:
    """Say how a whole move stands, from its dispatches (one at least) in the order of their numbers.

    A file received counts above a nil declared, and either above a dispatch still under way; else the last one counts.
    """
    found = [classify(facts, today) for facts in dispatches]
    for wanted in (Outcome.FILE_RECEIVED, Outcome.NIL_DECLARED, Outcome.SENT, Outcome.WAITING):
        for one in reversed(found):
            if one.outcome is wanted:
                return one
    return found[-1]


def _outcome(facts: DispatchFacts) -> Outcome:
    """Return what the dispatch's status means for the move."""
    match facts.status:
        case Status.DRAFT:
            return Outcome.NOTHING_SENT
        case Status.WAITING:
            return Outcome.WAITING
        case Status.ACKNOWLEDGED:
            return Outcome.NIL_DECLARED if facts.kind is DispatchKind.NIL else Outcome.FILE_RECEIVED
        case Status.REJECTED:
            return Outcome.SENT_BACK
        case Status.WITHDRAWN:
            return Outcome.WITHDRAWN
        case _:
            return Outcome.SENT


def _find_reason(facts: DispatchFacts, outcome: Outcome, sender: Band, receiver: Band | None) -> Reason | None:
    """Return why it is stuck: the cause nearest to what has to be done next, or None where nothing is wrong."""
    if outcome is Outcome.SENT_BACK:
        return _REASON_OF_REJECTION[facts.rejection_reason or RejectionReason.OTHER]
    if outcome is Outcome.NOTHING_SENT or outcome is Outcome.WITHDRAWN:
        return Reason.SENDER_LATE if sender in (Band.OVERDUE, Band.NEVER) else None
    if outcome in ENDED:
        return None
    if facts.receiver_closed:
        return Reason.SCHOOL_CLOSED
    if not facts.receiver_has_dsl:
        return Reason.NO_DSL
    if facts.item_unreadable:
        return Reason.TECHNICAL
    if facts.alert_bounced:
        return Reason.ADDRESS_BOUNCED
    if receiver in (Band.OVERDUE, Band.NEVER):
        return Reason.RECEIVER_NOT_OPENED if facts.opened_on is None else Reason.RECEIVER_NOT_ACKNOWLEDGED
    return None


# Fewer declarations than this say nothing about a school's habit.
NIL_PATTERN_MINIMUM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolSummary:
    """Counts for one school as sender; `receiver` counts what that school received. All keys are present."""

    school_id: UUID
    outcomes: Mapping[Outcome, int]
    sender: Mapping[Band, int]
    receiver: Mapping[Band, int]
    reasons: Mapping[Reason, int]
    files_sent: int
    nils_declared: int

    @property
    def has_no_activity(self) -> bool:
        """Whether the school neither sent nor received anything: silence is not compliance."""
        return not (sum(self.outcomes.values()) or sum(self.receiver.values()))

    @property
    def always_declares_nil(self) -> bool:
        """Whether the school stands out for declaring nil every time."""
        return self.files_sent == 0 and self.nils_declared >= NIL_PATTERN_MINIMUM
