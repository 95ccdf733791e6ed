"""`restore DIR`: a backup into an empty database, checked against what others know before anybody may use it.

Everything is loaded and replayed in one transaction that ends with the log frozen: a frozen log takes no leaf, so
nothing can be done. The doctor and the check of the log then read what is committed; the freeze is lifted in the
same transaction that writes the `restored` leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.audit.export import read_export
from transfer_service.audit.leaf import decode_leaf
from transfer_service.audit.nodes import log_size
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.signer import adopt_state
from transfer_service.audit.signer_state import read_state
from transfer_service.audit.verify import verify_log
from transfer_service.audit.verify_report import Problem, VerifyReport
from transfer_service.crypto.signing import LogSigningKey, VerifierKey
from transfer_service.db.models import LogDetail, LogHead, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.backups.drafts_after import iterate_sealing, settle_drafts
from transfer_service.use_cases.backups.epochs_after import carry_lost_epochs, settle_epochs
from transfer_service.use_cases.backups.folder import BackupFacts, read_list
from transfer_service.use_cases.backups.keys_after import settle_school_keys
from transfer_service.use_cases.backups.loading import (
    NewSealedBytes,
    check_is_empty,
    iterate_new_entries,
    load_blobs,
    load_known_notes,
    load_leaves,
    load_tables,
)
from transfer_service.use_cases.backups.logged_acts import LoggedAct, iterate_acts
from transfer_service.use_cases.backups.lost_acts import LostOfPlace, list_lost_acts
from transfer_service.use_cases.backups.outside import check_has_witness, check_is_whole, list_known
from transfer_service.use_cases.backups.reencryptions import settle_reencryptions
from transfer_service.use_cases.backups.refusals import BackupRefused
from transfer_service.use_cases.backups.replaying import Replayed, replay_deletions
from transfer_service.use_cases.backups.succeeding import OldLog, begin_successor, check_may_succeed, find_old_log
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.doctor import Examination, examine, record_examination
from transfer_service.use_cases.recording import entry, open_detail, record, record_all

UNDER_WAY: Final = "A restore is under way, or stopped at a check. Run restore again into a new database."
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFrom:
    """What to restore, and what to compare it with.

    `keys` are the log's keys, old ones too; `checkpoints` are notes or receipts from outside; `exports` are folders
    of `audit export` or of the `log` part of newer backups. With `is_successor` the log is begun anew.
    """

    directory: Path
    revision: str
    key: LogSigningKey
    keys: Sequence[VerifierKey]
    state_file: Path
    exports: tuple[Path, ...] = ()
    checkpoints: tuple[bytes, ...] = ()
    is_successor: bool = False


EXPECTED: Final = frozenset({"log.frozen", "cosignature.altered"})
"""What a restored log may show: its own freeze, and witnesses' signatures that came after the backup and are lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What came of it. The service takes traffic only where `is_open`."""

    facts: BackupFacts
    rows: int
    leaves_from_exports: int
    details_lost: int
    blobs: int
    blobs_absent: int
    replayed: Mapping[str, int]
    lost: tuple[LostOfPlace, ...]
    old_log: OldLog | None = None
    problems: tuple[Problem, ...] = ()
    examination: Examination | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Since:
    """What happened after the backup, and what of it was done again."""

    replayed: Replayed
    acts: Sequence[LoggedAct]


def restore_backup(
    database: Database,
    at: Installation,
    store: NewSealedBytes,
    source: RestoreFrom,
    *,
    secret_files: Mapping[str, Path],
    progress: Progress = lambda _doing: None,
) -> RestoreReport:
    """Put a backup back and open the service where all holds; `progress` is told what is being done.

    Raises BackupRefused, LogNotWhole, AnotherHistory, and the log's errors, with nothing changed in the database.
    Where the check of the log fails afterwards, the log stays frozen and the report says why.
    """
    progress("Comparing the backup's files with its list")
    facts = _check_source(at, source)
    with database.writing() as session:
        check_is_empty(session)
        progress("Loading rows, leaves and sealed items")
        report = _load(session, at, store, source, facts)
    if not source.is_successor and read_state(source.state_file) is None and _is_signed(database):
        adopt_state(database, key=source.key, state_file=source.state_file, earlier=source.keys)
    progress("Checking the whole log")
    checked = _verify(database, at, source)
    problems = tuple(problem for problem in checked.problems if problem.code not in EXPECTED)
    progress("Examining keys, grants and sealed items")
    examination = examine(database, at, store, secret_files=secret_files)
    report = replace(report, problems=problems, examination=examination)
    if problems:
        return report
    with database.writing() as session:
        _open(session, at, report)
    return replace(report, is_open=True)


def _is_signed(database: Database) -> bool:
    """Tell whether there is a checkpoint: of the backup, of an export, or one that was given."""
    with database.reading() as session:
        return find_newest_checkpoint(session) is not None


def _check_source(at: Installation, source: RestoreFrom) -> BackupFacts:
    facts = read_list(source.directory)
    if facts.deployment != at.deployment:
        raise BackupRefused(
            "The backup is of another installation. Set DEPLOYMENT, FIELD_KEYS, PEPPERS and LOG_SIGNING_KEY to those "
            "that were kept apart from it."
        )
    if facts.revision != source.revision:
        raise BackupRefused(
            f"The backup's tables are of revision {facts.revision} and this version has {source.revision}. Restore "
            "with the version that made it, then run transfer-service db upgrade with this one."
        )
    if source.is_successor:
        check_may_succeed(facts, key=source.key, state_file=source.state_file)
    elif facts.origin and facts.origin != source.key.name:
        raise BackupRefused("LOG_SIGNING_KEY is of another log than the backup's. Set the key of this log.")
    return facts


def _load(
    session: Session, at: Installation, store: NewSealedBytes, source: RestoreFrom, facts: BackupFacts
) -> RestoreReport:
    """Load, compare, replay and freeze, in the caller's transaction."""
    rows = load_tables(session, source.directory)
    old_log, details_lost = None, 0
    if source.is_successor:
        old_log = find_old_log(source.directory, source.exports, source.checkpoints, facts, keys=source.keys)
        newer = [
            LoggedAct(leaf=decode_leaf(one.body), sealed=one.sealed_detail)
            for one in iterate_new_entries(source.exports, start=facts.size)
        ]
        begin_successor(session, at, old_log)
    else:
        known = list_known(state_file=source.state_file, checkpoints=source.checkpoints, keys=source.keys)
        check_has_witness(facts, known)
        load_leaves(session, source.directory, source.exports, keys=source.keys)
        check_is_whole(session, known)
        load_known_notes(session, known)
        newer = list(iterate_acts(session, start=facts.size, end=log_size(session)))
    replayed = replay_deletions(session, at, newer)
    session.flush()
    lost = list_lost_acts(session, [act.leaf for act in newer])
    blobs, absent = load_blobs(session, store, source.directory)
    if not source.is_successor:
        details_lost = _say_lost_details(session, at, start=facts.size)
    _settle(session, at, source, facts, _Since(replayed=replayed, acts=newer))
    session.execute(update(LogHead).values(frozen=True, frozen_reason=UNDER_WAY))
    return RestoreReport(
        facts=facts, rows=rows, leaves_from_exports=len(newer), details_lost=details_lost, blobs=blobs,
        blobs_absent=absent, replayed=replayed.counts, lost=tuple(lost), old_log=old_log,
    )  # fmt: skip


def _say_lost_details(session: Session, at: Installation, *, start: int) -> int:
    """Leave a leaf for each detail that came with no export: it is gone, and an absent one must be named."""
    erased = set(session.scalars(select(LogLeaf.erases).where(LogLeaf.erases >= start)))
    there = set(session.scalars(select(LogDetail.idx).where(LogDetail.idx >= start)))
    leaves = [act.leaf for act in iterate_acts(session, start=start, end=log_size(session))]
    gone = [leaf.idx for leaf in leaves if leaf.commit is not None and leaf.idx not in erased | there]
    record_all(session, at, [entry(None, Event.DETAIL_ERASED, basis=Basis.RESTORE, erases=idx) for idx in gone])
    return len(gone)


def _settle(session: Session, at: Installation, source: RestoreFrom, facts: BackupFacts, since: _Since) -> None:
    """Say in the log what follows from rows that are older than it: of keys, of items encrypted again, of drafts."""
    of_keys = settle_school_keys(session, at, since.replayed.schools, exposed=since.replayed.exposed)
    session.flush()
    of_keys += settle_epochs(session, said_already=[one.leaf.subject for one in of_keys if one.leaf.subject])
    if source.is_successor:
        of_keys += carry_lost_epochs(session, [act.leaf.said for act in since.acts])
    old = (decode_leaf(one.body) for one in read_export(source.directory / "log"))
    leaves = old if source.is_successor else iterate_sealing(session)
    of_drafts = settle_drafts(session, leaves, since=facts.size, is_successor=source.is_successor)
    record_all(session, at, [*of_keys, *settle_reencryptions(session), *of_drafts])


def _verify(database: Database, at: Installation, source: RestoreFrom) -> VerifyReport:
    with database.reading() as session:
        return verify_log(session, keys=source.keys, open_sealed=lambda idx, sealed: open_detail(at, idx, sealed))


def _open(session: Session, at: Installation, report: RestoreReport) -> None:
    """Lift the freeze and say in the log what was restored, in one transaction: from its commit on there is traffic."""
    session.execute(update(LogHead).values(frozen=False, frozen_reason=None))
    record(session, at, None, Event.RESTORED, basis=Basis.RESTORE, detail=_told(report))
    if report.examination is not None:
        record_examination(session, at, report.examination)


def _told(report: RestoreReport) -> Mapping[str, Any]:
    lost = sum(len(of_place.acts) for of_place in report.lost)
    return tell(
        f"The service was restored from the backup of {report.facts.made_at}; {lost} acts were lost.",
        made_at=report.facts.made_at,
        size=str(report.facts.size),
        leaves_from_exports=str(report.leaves_from_exports),
        lost_acts=str(lost),
    )
