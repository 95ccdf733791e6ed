"""The receipt as a PDF: a rendering for people, with the evidence embedded in it.

It never names the pupil: reference, initials and year of birth are what a receipt may show.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from transfer_service.domain.dates import say_time
from transfer_service.reports.facts import PersonFacts, SchoolFacts
from transfer_service.reports.typesetting import passages, typeset

LONGEST_INITIALS = 5


class ReceiptKind(StrEnum):
    """What a receipt proves."""

    SENT = "sent"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    SENT_BACK = "sent-back"
    NIL_DECLARED = "nil-declared"
    NIL_ACKNOWLEDGED = "nil-acknowledged"
    SHREDDED = "shredded"


_TITLES = {
    ReceiptKind.SENT: "Receipt: safeguarding file sent",
    ReceiptKind.OPENED: "Receipt: safeguarding file opened",
    ReceiptKind.ACKNOWLEDGED: "Receipt: safeguarding file acknowledged",
    ReceiptKind.SENT_BACK: "Receipt: dispatch sent back",
    ReceiptKind.NIL_DECLARED: "Receipt: nil declaration made",
    ReceiptKind.NIL_ACKNOWLEDGED: "Receipt: nil declaration acknowledged",
    ReceiptKind.SHREDDED: "Receipt: sealed contents shredded",
}

_SUMMARIES = {
    ReceiptKind.SENT: "The sending school sent a sealed safeguarding file to the receiving school. This receipt proves "
    "what was sent and when. It does not prove that anybody has opened it.",
    ReceiptKind.OPENED: "A safeguarding lead of the receiving school confirmed that the pupil is joining and opened "
    "the file. This receipt does not prove that everything in it could be read: the acknowledgement does.",
    ReceiptKind.ACKNOWLEDGED: "A safeguarding lead of the receiving school signed the statement below: every item "
    "listed here arrived and was opened. The sending school's part of the handover is complete.",
    ReceiptKind.SENT_BACK: "The receiving school sent the dispatch back. The sending school is responsible for it "
    "again, and the date by which the file is due has not moved.",
    ReceiptKind.NIL_DECLARED: "The sending school declared that it holds no safeguarding information on this pupil. "
    "The statement below says what was checked.",
    ReceiptKind.NIL_ACKNOWLEDGED: "A safeguarding lead of the receiving school took note that the sending school "
    "declared to hold no safeguarding information on this pupil.",
    ReceiptKind.SHREDDED: "The sealed contents were deleted from this service after the receiving school had filed "
    "them in its own records. Receipts and the log remain.",
}


@dataclass(frozen=True, slots=True)
class ReceiptStep:
    """One thing that happened to the dispatch, such as `Opened`, and when (aware)."""

    label: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One item without its title: its kind in words, the SHA-256 of its contents, its size to the nearest step."""

    kind: str
    digest: bytes
    size: str


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """The signed checkpoint that covers the entry: the log's name, its size in entries, and its root hash."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """Everything that a receipt shows.

    `pupil_initials` are such as `A.K.`; a name in their place is refused. `signatory` is who acknowledged, declared or
    sent back. `statement` is shown word for word. `leaf_index` counts entries of the log from 0. `made_at` is when
    this PDF is made (aware).
    """

    kind: ReceiptKind
    reference: str
    dispatch_number: int
    pupil_initials: str
    pupil_birth_year: int
    sending_school: SchoolFacts
    receiving_school: SchoolFacts
    steps: tuple[ReceiptStep, ...]
    items: tuple[ReceiptItem, ...]
    leaf_index: int
    checkpoint: CheckpointFacts
    made_at: datetime
    signatory: PersonFacts | None = None
    statement: str = ""
    statement_version: str = ""

    def __post_init__(self) -> None:
        if len(self.pupil_initials.replace(".", "").replace(" ", "")) > LONGEST_INITIALS:
            raise ValueError("a receipt shows initials, never a name")


def receipt_file_name(reference: str, kind: ReceiptKind) -> str:
    """Tell the name of the evidence file: the reference and what it proves, nothing about the pupil."""
    return f"{reference}-{kind.value}.tlog-proof"


def receipt_pdf(facts: ReceiptFacts, proof: bytes) -> bytes:
    """Make the receipt with its `.tlog-proof` embedded byte for byte.

    Raises ValueError where the proof is not text, as C2SP's tlog-proof is, and ReportFailed where the PDF cannot be
    made.
    """
    return typeset("receipt.typ", _receipt(facts), at=facts.made_at, embedded=proof.decode("utf-8"))


def _receipt(facts: ReceiptFacts) -> dict[str, Any]:
    """Put the facts into the words and rows that the template shows."""
    transfer = [
        ("Reference", facts.reference),
        ("Dispatch", str(facts.dispatch_number)),
        ("Pupil", f"{facts.pupil_initials}, born in {facts.pupil_birth_year}"),
        ("Sending school", facts.sending_school.line()),
        ("Receiving school", facts.receiving_school.line()),
    ]
    if facts.signatory is not None:
        transfer.append(("Signed by", facts.signatory.line()))
    return {
        "title": _TITLES[facts.kind],
        "summary": passages(_SUMMARIES[facts.kind]),
        "reference": facts.reference,
        "proof_name": receipt_file_name(facts.reference, facts.kind),
        "transfer": transfer,
        "steps": [(step.label, say_time(step.at)) for step in facts.steps],
        "statement": passages(facts.statement),
        "statement_version": facts.statement_version,
        "items": [{"kind": item.kind, "size": item.size, "digest": item.digest.hex()} for item in facts.items],
        "log": [
            ("Log", facts.checkpoint.origin),
            ("Entry", f"number {facts.leaf_index}, counted from 0"),
            ("Checkpoint", f"covers {facts.checkpoint.size} entries"),
            # In base64, as the checkpoint itself and the weekly mail write it: people compare the two.
            ("Root hash", base64.b64encode(facts.checkpoint.root).decode()),
            ("This PDF made", say_time(facts.made_at)),
        ],
    }
