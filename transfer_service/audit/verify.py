"""Checking the whole log in the live database: every leaf, every stored hash, every checkpoint, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from transfer_service.audit.detail import split_salt
from transfer_service.audit.errors import LogError, LogNotPrepared
from transfer_service.audit.leaf import Leaf, commit_to, decode_leaf
from transfer_service.audit.log import OpenDetail, repeated_columns
from transfer_service.audit.signer_state import SignerState
from transfer_service.audit.tree import Node, append_to_frontier, hash_leaf, root_of_frontier, split_frontier
from transfer_service.audit.verify_checkpoints import Believed, CheckpointWalk
from transfer_service.audit.verify_report import VerifyReport
from transfer_service.crypto.signing import VerifierKey
from transfer_service.db.log_guards import list_missing_guards
from transfer_service.db.models.log import LogDetail, LogHead, LogLeaf, LogNode

Progress = Callable[[int, int], None]
"""Called with the number of leaves checked and the number that the head names."""


def verify_log(
    session: Session,
    *,
    keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey] = (),
    state: SignerState | None = None,
    open_sealed: OpenDetail | None = None,
    progress: Progress | None = None,
    batch: int = 1_000,
) -> VerifyReport:
    """Check the log from its first leaf to its last and say which leaf is wrong and what that means.

    `keys` are the log's keys, old ones too; `witnesses` those of the policy; `state` is the signer's, without which
    newest checkpoints that were taken away are not missed. Without `open_sealed` details are counted and not
    compared. The session must see one moment (`reading()`). Memory is bounded by `batch` leaves.
    """
    report = VerifyReport()
    try:
        believed = Believed(keys, witnesses, state)
        _Verification(session, report, believed, open_sealed, progress=progress, batch=batch).run()
    except (ValueError, OverflowError, TypeError, DataError):
        # The values of a row that this service wrote can be read. The rest of the log cannot be walked past it.
        report.add(
            "row.unreadable",
            report.size,
            f"After {report.size} leaves a row of the log holds a value that is none, such as a time in no calendar: "
            "it was altered. What follows was not checked.",
        )
    return report


class _Verification:
    """One walk along the log."""

    def __init__(
        self,
        session: Session,
        report: VerifyReport,
        believed: Believed,
        open_sealed: OpenDetail | None,
        *,
        progress: Progress | None,
        batch: int,
    ) -> None:
        self.session, self.open_sealed = session, open_sealed
        self.progress, self.batch = progress, batch
        self.report = report
        self.checkpoints = CheckpointWalk(session, believed, self.report, batch)
        self.frontier: list[bytes] = []
        self.count = 0
        self.last_at: datetime | None = None
        self.nodes_expected = 0
        # After a gap there is no root to compute.
        self.is_whole = True

    def run(self) -> None:
        """Walk, then compare what stands beside the leaves."""
        for name in list_missing_guards(self.session.connection()):
            self.report.add(
                "guard.missing",
                None,
                f"The database's guard {name} is absent, off or not as it was made: create it again.",
            )
        head = self.session.execute(
            select(LogHead.size, LogHead.frontier, LogHead.last_at, LogHead.frozen, LogHead.frozen_reason)
        ).one_or_none()
        if head is None:
            raise LogNotPrepared
        for rows in self._batches():
            completed: list[tuple[Node, bytes]] = []
            leaves: list[tuple[int, Leaf]] = []
            for row in rows:
                completed += self._check_leaf(row)
                leaf = self._check_fields(row)
                if leaf is not None:
                    leaves.append((row.idx, leaf))
                self.checkpoints.reach(self.count, self.frontier, is_whole=self.is_whole)
            self._check_nodes(rows[0].idx, completed)
            self._check_details(rows[0].idx, rows[-1].idx, leaves)
            self.report.size = self.count
            if self.progress:
                self.progress(self.count, head.size)
        self.checkpoints.finish(self.count, self.frontier, is_whole=self.is_whole)
        self._check_ends(head)

    def _batches(self) -> Iterator[Sequence[Any]]:
        last = -1
        while rows := self.session.execute(
            select(LogLeaf.__table__).where(LogLeaf.idx > last).order_by(LogLeaf.idx).limit(self.batch)
        ).all():
            yield rows
            last = rows[-1].idx

    def _check_leaf(self, row: Any) -> list[tuple[Node, bytes]]:
        if row.idx != self.count:
            self.report.add(
                "leaf.missing", self.count, f"Leaf {self.count} is missing: the next one stored is {row.idx}."
            )
            self.count, self.is_whole = row.idx, False
        digest = hash_leaf(row.body)
        if digest != row.hash:
            self.report.add(
                "leaf.altered", row.idx, f"Leaf {row.idx} was altered: its bytes no longer have the hash stored."
            )
        completed = append_to_frontier(self.frontier, self.count, digest) if self.is_whole else []
        self.count += 1
        return completed

    def _check_fields(self, row: Any) -> Leaf | None:
        try:
            leaf = decode_leaf(row.body)
        except LogError as error:
            self.report.add("leaf.malformed", row.idx, f"Leaf {row.idx}: {error.sentence}")
            return None
        if leaf.idx != row.idx:
            self.report.add("leaf.moved", row.idx, f"Leaf {row.idx} says that it is leaf {leaf.idx}: it was moved.")
        if self.last_at is not None and leaf.at < self.last_at:
            self.report.add("leaf.time", row.idx, f"Leaf {row.idx} is older than the leaf before it.")
        self.last_at = leaf.at
        wrong = [name for name, value in repeated_columns(leaf).items() if getattr(row, name) != value]
        if wrong:
            self.report.add(
                "leaf.columns",
                row.idx,
                f"Leaf {row.idx} is right, but found under wrong values ({', '.join(wrong)}): lists may leave it out.",
            )
        return leaf

    def _check_nodes(self, start: int, completed: Sequence[tuple[Node, bytes]]) -> None:
        self.nodes_expected += len(completed)
        ranges = [
            and_(LogNode.level == level, LogNode.idx >= start >> level, LogNode.idx < self.count >> level)
            for level in range(1, self.count.bit_length())
        ]
        found: dict[Node, bytes] = {}
        if ranges:
            rows = self.session.execute(select(LogNode.level, LogNode.idx, LogNode.hash).where(or_(*ranges)))
            found = {(row.level, row.idx): row.hash for row in rows}
        for (level, idx), digest in completed:
            if found.get((level, idx)) != digest:
                self.report.add(
                    "node.wrong",
                    ((idx + 1) << level) - 1,
                    f"The stored hash over leaves {idx << level} to {((idx + 1) << level) - 1} is missing or wrong: "
                    "receipts over them fail until it is written again.",
                )

    def _check_details(self, first: int, last: int, leaves: Sequence[tuple[int, Leaf]]) -> None:
        sealed = {
            row.idx: row.sealed
            for row in self.session.execute(
                select(LogDetail.idx, LogDetail.sealed).where(LogDetail.idx.between(first, last))
            )
        }
        erased = {
            row.erases: row.idx
            for row in self.session.execute(
                select(LogLeaf.erases, LogLeaf.idx).where(LogLeaf.erases.between(first, last))
            )
        }
        for idx, leaf in leaves:
            self._check_detail(leaf, idx, sealed.get(idx), erased.get(idx))

    def _check_detail(self, leaf: Leaf, idx: int, sealed: bytes | None, erased_by: int | None) -> None:
        if erased_by is not None and (leaf.commit is None or erased_by <= idx or sealed is not None):
            self.report.add(
                "detail.not_erased",
                idx,
                f"Leaf {erased_by} says that what stood beside leaf {idx} was erased, and that is not so.",
            )
        elif leaf.commit is None:
            if sealed is not None:
                self.report.add("detail.stray", idx, f"Something stands beside leaf {idx}, which commits to nothing.")
        elif sealed is None:
            if erased_by is not None:
                self.report.details_erased += 1
            else:
                self.report.add(
                    "detail.missing",
                    idx,
                    f"What stands beside leaf {idx} is missing, and no leaf says that it was erased: it was removed.",
                )
        elif self.open_sealed is None:
            self.report.details_unopened += 1
        else:
            self._open_detail(idx, sealed, leaf.commit, self.open_sealed)

    def _open_detail(self, idx: int, sealed: bytes, commit: bytes, open_sealed: OpenDetail) -> None:
        try:
            salt, detail = split_salt(open_sealed(idx, sealed))
        except Exception:  # noqa: BLE001 - whatever the field keyring says, the report must reach its end
            self.report.add(
                "detail.unopened", idx, f"What stands beside leaf {idx} cannot be opened: check FIELD_KEYS."
            )
            return
        if commit_to(detail, salt) != commit:
            self.report.add("detail.altered", idx, f"What stands beside leaf {idx} is not what the leaf commits to.")
        else:
            self.report.details_right += 1

    def _check_ends(self, head: Any) -> None:
        self.report.size, self.report.root = self.count, root_of_frontier(self.frontier)
        if head.size != self.count or (self.is_whole and split_frontier(head.frontier) != self.frontier):
            self.report.add(
                "head.wrong", head.size, f"The head names {head.size} leaves or another tree; {self.count} are stored."
            )
        elif self.is_whole and head.last_at != self.last_at:
            self.report.add("head.wrong", head.size, "The head's time is not that of the newest leaf.")
        if head.frozen:
            self.report.add("log.frozen", head.size, f"The log is frozen: {head.frozen_reason}")
        nodes = self.session.scalar(select(func.count()).select_from(LogNode))
        if self.is_whole and nodes != self.nodes_expected:
            self.report.add(
                "node.stray", None, f"{nodes} hashes are stored where there should be {self.nodes_expected}."
            )
        stray = self.session.scalar(select(func.count()).select_from(LogDetail).where(LogDetail.idx >= self.count))
        if stray:
            self.report.add("detail.stray", None, f"{stray} details belong to no leaf.")
