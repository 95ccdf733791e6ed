"""The safeguarding notes as the receiving school files them: a PDF to read and keep, and the same as plain text."""

from dataclasses import dataclass
from datetime import date, datetime

from transfer_service.domain.dates import say_date, say_time
from transfer_service.reports.facts import PersonFacts, SchoolFacts
from transfer_service.reports.typesetting import passages, typeset

NOTHING_WITHHELD = "Nothing: the sending school stated that this is the whole file."
TITLE = "Safeguarding file"


@dataclass(frozen=True, slots=True)
class PupilFacts:
    """Whom the file is about; it is the file itself, so that it names the pupil."""

    forename: str
    surname: str
    born_on: date
    upn: str | None = None


@dataclass(frozen=True, slots=True)
class NoteFacts:
    """One note: the category in words, its date, its text, why it is shared, and where it comes from.

    `provenance` says in words whether the sending school wrote it or had received it, and from where.
    """

    category: str
    dated_on: date
    text: str
    why_shared: str
    written_by: PersonFacts
    written_at: datetime
    provenance: str


@dataclass(frozen=True, slots=True)
class AttachmentFacts:
    """One original document: its name and its length in bytes."""

    name: str
    length: int


@dataclass(frozen=True, slots=True)
class WithheldFacts:
    """Something left out on purpose, and the stated reason."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class NotesFacts:
    """Everything that the file holds. `made_at` and `made_by` are when and by whom this copy was made."""

    reference: str
    pupil: PupilFacts
    sending_school: SchoolFacts
    receiving_school: SchoolFacts
    sent_by: PersonFacts
    sent_at: datetime
    notes: tuple[NoteFacts, ...]
    attachments: tuple[AttachmentFacts, ...]
    withheld: tuple[WithheldFacts, ...]
    made_by: PersonFacts
    made_at: datetime


def notes_pdf(facts: NotesFacts) -> bytes:
    """Make the PDF of the notes; raises ReportFailed where it cannot be made."""
    prepared = {
        "title": TITLE,
        "reference": facts.reference,
        "particulars": _particulars(facts),
        "notes": [
            {"heading": _heading(note), "text": passages(note.text), "particulars": _origin(note)}
            for note in facts.notes
        ],
        "attachments": [{"name": kept.name, "size": say_size(kept.length)} for kept in facts.attachments],
        "withheld": [{"what": left.what, "reason": left.reason} for left in facts.withheld],
    }
    return typeset("notes.typ", prepared, at=facts.made_at)


def notes_text(facts: NotesFacts) -> str:
    """Write the same file as plain text, in which no letter of any script is lost."""
    lines = [TITLE.upper(), "", *_rows(_particulars(facts)), "", "SAFEGUARDING NOTES", ""]
    if not facts.notes:
        lines += ["The file holds no notes.", ""]
    for note in facts.notes:
        lines += [_heading(note), "", note.text.strip("\n"), "", *_rows(_origin(note)), "", "-" * 60, ""]
    lines.append("ORIGINAL DOCUMENTS")
    lines += [f"{kept.name} ({say_size(kept.length)})" for kept in facts.attachments] or [
        "The file holds no documents beside the notes."
    ]
    lines += ["", "WHAT WAS LEFT OUT"]
    lines += [f"{left.what}: {left.reason}" for left in facts.withheld] or [NOTHING_WITHHELD]
    return "\n".join(lines) + "\n"


def say_size(length: int) -> str:
    """Say a length in bytes as people do: `812 bytes`, `14 kB`, `2.5 MB`."""
    if length < 1000:
        return f"{length} bytes"
    if length < 1_000_000:
        return f"{max(1, round(length / 1000))} kB"
    return f"{length / 1_000_000:.1f} MB"


def _particulars(facts: NotesFacts) -> list[tuple[str, str]]:
    """List who the file is about and how it came."""
    pupil = facts.pupil
    rows = [("Pupil", f"{pupil.forename} {pupil.surname}"), ("Born on", say_date(pupil.born_on))]
    if pupil.upn is not None:
        rows.append(("UPN", pupil.upn))
    return [
        *rows,
        ("Reference", facts.reference),
        ("Sending school", facts.sending_school.line()),
        ("Receiving school", facts.receiving_school.line()),
        ("Sent", f"{say_time(facts.sent_at)} by {facts.sent_by.line()}"),
        ("This copy made", f"{say_time(facts.made_at)} by {facts.made_by.line()}"),
    ]


def _heading(note: NoteFacts) -> str:
    """Name a note by what it is about and its date."""
    return f"{note.category}, {say_date(note.dated_on)}"


def _origin(note: NoteFacts) -> list[tuple[str, str]]:
    """List where a note comes from and why it was shared."""
    return [
        ("Why it is shared", note.why_shared),
        ("Written by", note.written_by.line()),
        ("Recorded", say_time(note.written_at)),
        ("Provenance", note.provenance),
    ]


def _rows(rows: list[tuple[str, str]]) -> list[str]:
    """Write facts as lines of text."""
    return [f"{label}: {value}" for label, value in rows]
