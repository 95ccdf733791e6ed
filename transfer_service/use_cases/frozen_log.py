"""What whoever operates the service does with a frozen log or a lost state file: compare, and only then go on.

Nothing here is for the pages: an operator runs it by command, with the log's key at hand, while the worker is stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import Checkpoint, verify_checkpoint
from transfer_service.audit.detail import tell
from transfer_service.audit.errors import LogError, LogInconsistent, LogNotFrozen, SignerStateLost
from transfer_service.audit.log import OpenDetail
from transfer_service.audit.nodes import log_size, root_at
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.signer import adopt_state, lift_freeze
from transfer_service.audit.signer_state import read_state
from transfer_service.audit.verify import Progress, verify_log
from transfer_service.audit.verify_report import Problem
from transfer_service.crypto.signing import LogSigningKey, VerifierKey
from transfer_service.db.models import LogHead
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.backups.outside import list_known
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import open_detail, record

NOT_IN_THE_WAY = frozenset({"log.frozen", "detail.missing", "detail.altered", "detail.unopened", "detail.not_erased"})
"""Problems that do not keep a log frozen: its own freeze, and what stands beside leaves that are themselves whole."""


class Verdict(StrEnum):
    """How the stored log stands to what somebody knows of it."""

    HOLDS = "holds"
    BEHIND = "behind"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that the stored log was compared with: who knows it, of which size, and how the log stands to it."""

    source: str
    size: int
    verdict: Verdict

    @property
    def sentence(self) -> str:
        """Say it to the operator."""
        said = {
            Verdict.HOLDS: "the log begins with it",
            Verdict.BEHIND: "the log is BEHIND it: leaves are lost",
            Verdict.OTHER: "the log has ANOTHER ROOT there: leaves were altered or exchanged",
        }
        return f"{self.source}, {self.size:,} leaves: {said[self.verdict]}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Why the log is frozen, and how what is stored stands to everything that is known of it elsewhere."""

    is_frozen: bool
    reason: str
    size: int
    compared: tuple[Compared, ...]
    has_state: bool
    has_outside: bool

    @property
    def is_whole(self) -> bool:
        """Whether the log begins with all that is known."""
        return all(one.verdict is Verdict.HOLDS for one in self.compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the operator has at hand: the log's key and those that it had before, the state file, notes from outside."""

    key: LogSigningKey
    keys: Sequence[VerifierKey]
    state_file: Path
    checkpoints: Sequence[bytes] = ()
    witnesses: Sequence[VerifierKey] = ()


def compare_log(session: Session, evidence: Evidence) -> Comparison:
    """Compare the stored log with the state file, with its own newest checkpoint, and with those from outside.

    Raises SignerStateLost where the state file is damaged, NoteMalformed or NoteNotTrusted for a checkpoint from
    outside that is not of one of the log's keys.
    """
    size = log_size(session)
    frozen, reason = session.execute(select(LogHead.frozen, LogHead.frozen_reason)).one()
    known = list_known(state_file=evidence.state_file, checkpoints=evidence.checkpoints, keys=evidence.keys)
    compared = [_compare(session, size, one.source, one.size, one.root) for one in known]
    newest = find_newest_checkpoint(session)
    if newest is not None:
        compared.append(_compare_stored(session, size, newest.size, newest.note, evidence.keys))
    return Comparison(
        is_frozen=bool(frozen),
        reason=reason or "",
        size=size,
        compared=tuple(compared),
        has_state=read_state(evidence.state_file) is not None,
        has_outside=bool(evidence.checkpoints),
    )


def unfreeze_log(
    database: Database, at: Installation, evidence: Evidence, *, progress: Progress | None = None
) -> tuple[Problem, ...]:
    """Let a log take leaves again that is whole, and say so in its next leaf; returns what else is wrong with it.

    A lost state file is made again first, against a checkpoint from outside. Raises LogNotFrozen; LogInconsistent
    while the log is behind anything that is known, has another root, or does not verify from its first leaf to its
    last; SignerStateLost where neither the state file nor a checkpoint from outside is there.
    """
    with database.reading() as session:
        comparison = compare_log(session, evidence)
    _check_may_go_on(comparison)
    problems = _check_every_leaf(database, at, evidence, progress)
    if not comparison.has_state:
        _adopt(database, evidence)

    def tell_it(session: Session) -> None:
        record(session, at, None, Event.FREEZE_LIFTED, basis=Basis.COMMAND_LINE, detail=_told(comparison))

    lift_freeze(database, key=evidence.key, state_file=evidence.state_file, then=tell_it)
    return problems


def adopt_signer_state(database: Database, at: Installation, evidence: Evidence) -> int:
    """Make the signer's lost state file again from the stored log, against a checkpoint from outside; returns its size.

    Raises SignerStateLost where it is not lost or nothing from outside is given, LogInconsistent where the log does
    not hold that checkpoint or is frozen.
    """
    with database.reading() as session:
        comparison = compare_log(session, evidence)
    if comparison.is_frozen:
        raise LogInconsistent(
            "The log is frozen. Run transfer-service audit unfreeze with --checkpoint: it makes the state file again "
            "where the log is whole."
        )
    if not evidence.checkpoints:
        raise SignerStateLost(NOTHING_FROM_OUTSIDE)
    size = _adopt(database, evidence)
    with database.writing() as session:
        record(session, at, None, Event.SIGNER_STATE_ADOPTED, basis=Basis.COMMAND_LINE, detail=_told(comparison))
    return size


NOTHING_FROM_OUTSIDE = (
    "Nothing outside the database tells how far the log had grown. Put the signer's state file back (LOG_STATE_FILE), "
    "or give the newest checkpoint of a receipt, weekly mail or witness with --checkpoint."
)


def _check_may_go_on(comparison: Comparison) -> None:
    if not comparison.is_frozen:
        raise LogNotFrozen
    if not (comparison.has_state or comparison.has_outside):
        raise SignerStateLost(NOTHING_FROM_OUTSIDE)
    if not comparison.is_whole:
        raise LogInconsistent(
            "The log does not begin with what was signed, so it stays frozen. Restore it as docs/restore.md says, then "
            "compare again."
        )


def _check_every_leaf(
    database: Database, at: Installation, evidence: Evidence, progress: Progress | None
) -> tuple[Problem, ...]:
    opener: OpenDetail = lambda idx, sealed: open_detail(at, idx, sealed)  # noqa: E731 -- as a name for its type
    state = read_state(evidence.state_file)
    with database.reading() as session:
        report = verify_log(
            session,
            keys=evidence.keys,
            witnesses=evidence.witnesses,
            state=state,
            open_sealed=opener,
            progress=progress,
        )
    in_the_way = [problem for problem in report.problems if problem.code not in NOT_IN_THE_WAY]
    if in_the_way:
        raise LogInconsistent(
            f"The log does not verify, so it stays frozen: {in_the_way[0].sentence} Run transfer-service audit verify, "
            "and restore as docs/restore.md says."
        )
    return tuple(problem for problem in report.problems if problem.code != "log.frozen")


def _adopt(database: Database, evidence: Evidence) -> int:
    newest = max(
        (
            one
            for one in list_known(state_file=evidence.state_file, checkpoints=evidence.checkpoints, keys=evidence.keys)
        ),
        key=lambda one: one.size,
        default=None,
    )
    known = None if newest is None else Checkpoint(evidence.key.name, newest.size, newest.root)
    return adopt_state(
        database, key=evidence.key, state_file=evidence.state_file, known=known, earlier=tuple(evidence.keys)
    )


def _compare(session: Session, size: int, source: str, known_size: int, root: bytes) -> Compared:
    if known_size > size:
        return Compared(source, known_size, Verdict.BEHIND)
    try:
        is_same = root_at(session, known_size) == root
    except LogError:
        is_same = False
    return Compared(source, known_size, Verdict.HOLDS if is_same else Verdict.OTHER)


def _compare_stored(
    session: Session, size: int, stored_size: int, note: bytes, keys: Sequence[VerifierKey]
) -> Compared:
    source = "the newest checkpoint in the database"
    try:
        checkpoint = verify_checkpoint(note, keys)
    except LogError:
        return Compared(source, stored_size, Verdict.OTHER)
    if checkpoint.size != stored_size:
        return Compared(source, stored_size, Verdict.OTHER)
    return _compare(session, size, source, stored_size, checkpoint.root)


def _told(comparison: Comparison) -> dict[str, object]:
    reason = comparison.reason or "nothing"
    return tell(
        f"The log goes on from {comparison.size} leaves.",
        *(one.sentence for one in comparison.compared),
        frozen_because=reason,
        state_file="was there" if comparison.has_state else "was made again",
    )
