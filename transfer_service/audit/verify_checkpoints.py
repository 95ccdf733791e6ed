"""The part of the log's check that looks at what was signed: checkpoints, their numbers, and witnesses' signatures.

What each is compared with: a checkpoint with the leaves; its number, its time and the witnesses' signatures kept
before it with the line that the signer put under it; the newest of all with the signer's state file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import Checkpoint, NoteSignature, verify_checkpoint
from transfer_service.audit.cosignature import as_kept, verify_cosignature
from transfer_service.audit.errors import LogError
from transfer_service.audit.numbering import Kept, Numbering, keep, verify_numbering
from transfer_service.audit.signer_state import SignerState
from transfer_service.audit.tree import root_of_frontier
from transfer_service.audit.verify_report import VerifyReport
from transfer_service.crypto.signing import VerifierKey
from transfer_service.db.models.log import LogCheckpoint, LogCosignature, LogLeaf
from transfer_service.domain.events import Event


@dataclass(frozen=True, slots=True)
class Believed:
    """What the log is compared with: its keys, old ones too, its witnesses, and the signer's state where it is at hand.

    Without witnesses their signatures are counted and compared with what checkpoints say was kept, no more.
    """

    keys: Sequence[VerifierKey]
    witnesses: Sequence[VerifierKey] = ()
    state: SignerState | None = None


class CheckpointWalk:
    """Goes along the checkpoints beside whoever goes along the leaves."""

    def __init__(self, session: Session, believed: Believed, report: VerifyReport, batch: int) -> None:
        """Begin before the first checkpoint; memory is bounded by `batch` rows."""
        self._session, self._believed, self._report, self._batch = session, believed, report, batch
        self._witnesses = {(key.name, key.key_id): key for key in believed.witnesses}
        self._stored = self._checkpoints()
        self._next = next(self._stored, None)
        self._rows = self._cosignatures()
        self._row = next(self._rows, None)
        self._restored = list(
            session.scalars(select(LogLeaf.idx).where(LogLeaf.event == Event.RESTORED.value).order_by(LogLeaf.idx))
        )
        self._seen = 0
        self._number = 0
        self._kept = Kept()
        self._before = 0
        """The size of the checkpoint before."""
        self._of_state: Numbering | None = None
        self._has_state_size = believed.state is None or believed.state.size == 0

    def reach(self, count: int, frontier: Sequence[bytes], *, is_whole: bool) -> None:
        """Check every checkpoint of up to `count` leaves, whose tree has this frontier unless a leaf is missing."""
        state = self._believed.state
        if state is not None and is_whole and count == state.size and root_of_frontier(frontier) != state.root:
            self._report.add(
                "log.other_root", count, f"The first {count} leaves are not those that the signer's state file names."
            )
        while self._next is not None and self._next.size <= count:
            self._check(self._next, count, frontier, is_whole=is_whole)

    def finish(self, count: int, frontier: Sequence[bytes], *, is_whole: bool) -> None:
        """Check what is left when there are no more leaves."""
        while self._next is not None:
            self._check(self._next, count, frontier, is_whole=is_whole)
        self._check_state(count)
        self._check_rest()

    def _check(self, stored: Any, count: int, frontier: Sequence[bytes], *, is_whole: bool) -> None:
        self._next = next(self._stored, None)
        self._seen += 1
        self._report.checkpoints += 1
        size = stored.size
        if self._believed.state is not None and size == self._believed.state.size:
            self._has_state_size = True
        try:
            checkpoint = verify_checkpoint(stored.note, self._believed.keys)
        except LogError as error:
            self._report.add("checkpoint.untrusted", size, f"The checkpoint of size {size}: {error.sentence}")
        else:
            self._compare_with_leaves(checkpoint, size, count, frontier, is_whole=is_whole)
            self._check_numbering(stored)
        self._before = size

    def _compare_with_leaves(
        self, checkpoint: Checkpoint, size: int, count: int, frontier: Sequence[bytes], *, is_whole: bool
    ) -> None:
        if checkpoint.size != size:
            self._report.add("checkpoint.moved", size, f"The checkpoint of size {size} is one of {checkpoint.size}.")
        elif size > count:
            self._report.add(
                "log.rolled_back",
                size,
                f"A checkpoint names {size} leaves and {count} are stored: the log was rolled back.",
            )
        elif is_whole and checkpoint.root != root_of_frontier(frontier):
            self._report.add(
                "checkpoint.other_root",
                size,
                f"Of leaves {self._report.signed_size} to {size - 1} one is not what was signed: altered or exchanged.",
            )
        else:
            self._report.signed_size = size

    def _check_numbering(self, stored: Any) -> None:
        size = stored.size
        try:
            numbering = verify_numbering(stored.note, self._believed.keys)
        except LogError as error:
            self._report.add("checkpoint.unnumbered", size, f"The checkpoint of size {size}: {error.sentence}")
            return
        if numbering is None:
            if self._number:
                sentence = f"The checkpoint of size {size} has lost the line with its number and time: it was altered."
                self._report.add("checkpoint.unnumbered", size, sentence)
            return
        self._check_number(numbering, size)
        if numbering.signed_at != stored.signed_at:
            self._report.add(
                "checkpoint.time", size, f"The checkpoint of size {size} was signed at another time than is stored."
            )
        self._check_kept(numbering, size)
        self._number = numbering.number
        state = self._believed.state
        if state is not None and size == state.size:
            self._of_state = numbering

    def _check_number(self, numbering: Numbering, size: int) -> None:
        expected = self._number + 1 if self._number else self._seen
        if numbering.number == expected or self._was_restored(self._before, size):
            return
        if numbering.number < expected:
            self._report.add(
                "checkpoint.moved", size, f"The checkpoint of size {size} is number {numbering.number}, out of order."
            )
        else:
            missing = numbering.number - expected
            self._report.add(
                "checkpoint.missing",
                size,
                f"{missing} checkpoints between sizes {self._before} and {size} are missing: they were taken away.",
            )

    def _check_kept(self, numbering: Numbering, size: int) -> None:
        """Compare the cosignatures that were kept before this checkpoint with what it says of them."""
        while self._row is not None and self._row.number <= numbering.kept.count:
            self._kept = keep(self._kept, as_kept(self._row))
            self._check_row(self._row)
            self._row = next(self._rows, None)
        following = self._next.size if self._next is not None else None
        if numbering.kept != self._kept and not (
            self._was_restored(self._before, size) or self._was_restored(size, following)
        ):
            self._report.add(
                "cosignature.altered",
                size,
                f"Of the witnesses' signatures that were kept between the checkpoints of sizes {self._before} and "
                f"{size}, one is missing, altered or put in later.",
            )
        self._kept = numbering.kept

    def _was_restored(self, start: int, end: int | None) -> bool:
        """Tell whether a restore, which may lose what came after the backup, is recorded between two sizes."""
        return any(start <= idx and (end is None or idx < end) for idx in self._restored)

    def _check_row(self, row: Any, *, is_fixed: bool = True) -> None:
        """Check one witness's signature; `is_fixed` where a checkpoint says that it was kept."""
        key = self._witnesses.get((row.witness, row.key_id))
        self._report.cosignatures += 1
        if row.note is None:
            self._report.add(
                "cosignature.stray",
                row.size,
                f"A witness's signature is for the size {row.size}, which has no checkpoint.",
            )
        elif key is None:
            if self._witnesses and not is_fixed:
                sentence = f"A signature under the checkpoint of size {row.size} is of a witness that the policy lacks."
                self._report.add("cosignature.unknown", row.size, sentence)
        else:
            try:
                verify_cosignature(row.note, NoteSignature(row.witness, row.key_id, row.signature), key)
            except LogError as error:
                self._report.add("cosignature.wrong", row.size, f"Under the size {row.size}: {error.sentence}")

    def _check_rest(self) -> None:
        """Check the cosignatures that came after the newest checkpoint: no checkpoint fixes them yet."""
        last = self._kept.count
        while self._row is not None:
            if self._row.number != last + 1:
                sentence = f"Of the newest witnesses' signatures {self._row.number - last - 1} are missing."
                self._report.add("cosignature.missing", self._row.size, sentence)
            last = self._row.number
            self._check_row(self._row, is_fixed=False)
            self._row = next(self._rows, None)

    def _check_state(self, count: int) -> None:
        state = self._believed.state
        if state is None:
            return
        if state.size > count:
            self._report.add(
                "log.rolled_back",
                state.size,
                f"The signer's state file names {state.size} leaves and {count} are stored: the log was rolled back.",
            )
        newest = self._before
        is_lost = not self._has_state_size and not self._was_restored(newest, None)
        if is_lost or (state.number and self._has_state_size and self._number_at_state() != state.number):
            self._report.add(
                "checkpoint.missing",
                state.size,
                f"The checkpoint of size {state.size}, the last that the signer's state file names, is missing or not "
                "the one that was stored.",
            )

    def _number_at_state(self) -> int:
        return self._of_state.number if self._of_state is not None else 0

    def _checkpoints(self) -> Iterator[Any]:
        last = -1
        while rows := self._session.execute(
            select(LogCheckpoint.size, LogCheckpoint.note, LogCheckpoint.signed_at)
            .where(LogCheckpoint.size > last)
            .order_by(LogCheckpoint.size)
            .limit(self._batch)
        ).all():
            yield from rows
            last = rows[-1].size

    def _cosignatures(self) -> Iterator[Any]:
        last = self._session.scalar(select(func.min(LogCosignature.number)))
        while last is not None and (
            rows := self._session.execute(
                select(*LogCosignature.__table__.columns, LogCheckpoint.note)
                .join(LogCheckpoint, LogCheckpoint.size == LogCosignature.size, isouter=True)
                .where(LogCosignature.number >= last)
                .order_by(LogCosignature.number)
                .limit(self._batch)
            ).all()
        ):
            yield from rows
            last = rows[-1].number + 1
