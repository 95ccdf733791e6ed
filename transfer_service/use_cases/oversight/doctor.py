"""The doctor: whether every live item still opens for its schools and, if all else fails, through the custodians.

It needs no secret of any person and can open nothing. It finds and tells; it never deletes or mends.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from stat import S_IRWXG, S_IRWXO
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import Authority, PersonKey, RecoveryKey, SchoolEpoch
from transfer_service.db.queries import doctor as queries
from transfer_service.db.queries.blobs import iterate_blobs
from transfer_service.db.session import Database
from transfer_service.domain.ailments import Ailment, Finding, Severity
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import UnlockKind
from transfer_service.storage.errors import BlobMissing
from transfer_service.use_cases.alerting import alert_authority
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.logged_epochs import iterate_epochs_against_log
from transfer_service.use_cases.keys.origins import has_origin
from transfer_service.use_cases.keys.public_keys import authentic_epoch, authentic_person_key, authentic_recovery_key
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.steadiness import find_unsteadiness

AT_ONCE: Final = 500
Progress = Callable[[int], None]


class SealedBytes(Protocol):
    """What the doctor asks of the store (`storage.blobs.Storage`)."""

    def read_chunks(self, key: str) -> Iterator[bytes]:
        """Read a blob piece by piece; raises BlobMissing."""
        ...

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """List every key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found, and how many sealed items in the store were read."""

    findings: tuple[Finding, ...]
    blobs_read: int

    @property
    def is_healthy(self) -> bool:
        """Whether nothing red was found."""
        return not any(finding.severity is Severity.RED for finding in self.findings)

    @property
    def counts(self) -> Mapping[Ailment, int]:
        """How often each ailment was found."""
        return Counter(finding.ailment for finding in self.findings)


def examine(
    database: Database,
    at: Installation,
    store: SealedBytes,
    *,
    secret_files: Mapping[str, Path],
    progress: Progress = lambda _count: None,
) -> Examination:
    """Look at every grant, key, sealed item and secret file; `secret_files` are paths by the name of their setting.

    Sealed items in the store are read whole and hashed, one at a time, which may take hours: no transaction is open
    meanwhile. `progress` is told how many.
    """
    with database.reading() as session:
        findings = [*_grants(session), *_holders(session), *_public_keys(session, at), *_clock(session, at)]
    of_blobs, count = _blobs(database, store, progress)
    findings += _orphans(database, store)
    with database.reading() as session:
        # What was encrypted again or shredded meanwhile is neither missing nor changed.
        findings += [found for item, key, found in of_blobs if queries.has_blob(session, item, key)]
    findings += _files(secret_files)
    return Examination(findings=tuple(findings), blobs_read=count)


def record_examination(session: Session, at: Installation, examination: Examination) -> None:
    """Leave a leaf and alert every enrolled authority where something red was found; nothing where all is well."""
    if examination.is_healthy:
        return
    for authority_id in session.scalars(select(Authority.id).where(Authority.enrolled_at.is_not(None))):
        alert_authority(session, at, AlertKind.DOCTOR_FAILED, authority_id)
    counts = {ailment.value: count for ailment, count in sorted(examination.counts.items())}
    record(session, at, None, Event.DOCTOR_FAILED, basis=Basis.SCHEDULE, detail={"found": counts})


def _grants(session: Session) -> Iterator[Finding]:
    """Every live item opens at both schools; no grant leads to a key that is gone; every key is escrowed."""
    for ailment, pairs in (
        (Ailment.SENDER_HAS_NO_GRANT, queries.list_items_without_sender_grant(session)),
        (Ailment.RECEIVER_HAS_NO_GRANT, queries.list_items_without_receiver_grant(session)),
        (Ailment.GRANT_TO_DESTROYED_EPOCH, queries.list_grants_to_destroyed(session)),
        (Ailment.ITEM_OF_AN_EARLIER_REVISION, queries.list_earlier_revisions(session)),
        (Ailment.EPOCH_WITHOUT_ESCROW, queries.list_epochs_without_escrow(session)),
    ):
        for subject, school_id in pairs:
            yield Finding(ailment=ailment, subject=subject, school_id=school_id)


def _holders(session: Session) -> Iterator[Finding]:
    """Two people hold each active key, and each of them has two ways to their own."""
    for epoch, school_id, people in queries.list_holder_counts(session):
        ailment = Ailment.EPOCH_WITH_ONE_HOLDER if people else Ailment.EPOCH_WITHOUT_HOLDER
        yield Finding(ailment=ailment, subject=epoch, school_id=school_id)
    for person in queries.list_holders_without_unlock(session, UnlockKind.PASSWORD):
        yield Finding(ailment=Ailment.PERSON_WITHOUT_UNLOCK, subject=person)
    for person in queries.list_holders_without_unlock(session, UnlockKind.RECOVERY_CODE):
        yield Finding(ailment=Ailment.PERSON_WITHOUT_RECOVERY_CODE, subject=person)


def _public_keys(session: Session, at: Installation) -> Iterator[Finding]:
    """Every public key is as the service wrote it (docs/keys.md, rule 2), and each school's as the log says."""
    for epoch in session.scalars(select(SchoolEpoch).execution_options(yield_per=AT_ONCE)):
        if not _is_authentic(lambda row=epoch: (authentic_epoch(at, row), has_origin(at, row))):  # type: ignore[misc]
            yield Finding(ailment=Ailment.KEY_NOT_AUTHENTIC, subject=epoch.id, school_id=epoch.school_id)
    for epoch, logged in iterate_epochs_against_log(session):
        if logged is None or not logged.is_of(epoch):
            yield Finding(ailment=Ailment.KEY_NOT_AS_LOGGED, subject=epoch.id, school_id=epoch.school_id)
    for person_key in session.scalars(select(PersonKey).execution_options(yield_per=AT_ONCE)):
        if not _is_authentic(lambda row=person_key: authentic_person_key(at, row)):  # type: ignore[misc]
            yield Finding(ailment=Ailment.KEY_NOT_AUTHENTIC, subject=person_key.id)
    for recovery in session.scalars(select(RecoveryKey)):
        if not _is_authentic(lambda row=recovery: authentic_recovery_key(at, row)):  # type: ignore[misc]
            yield Finding(ailment=Ailment.KEY_NOT_AUTHENTIC, subject=recovery.id)


def _is_authentic(check: Callable[[], object]) -> bool:
    try:
        check()
    except CannotOpen:
        return False
    return True


def _clock(session: Session, at: Installation) -> Iterator[Finding]:
    """The clock that says what is to be shredded has been steady."""
    if find_unsteadiness(session, now=at.now()) is not None:
        yield Finding(ailment=Ailment.CLOCK_MOVED)


def _blobs(database: Database, store: SealedBytes, progress: Progress) -> tuple[list[tuple[UUID, str, Finding]], int]:
    """Read every sealed item of the store and compare length and hash with its row."""
    findings, count = [], 0
    for item, school_id, key, length, digest in iterate_blobs(database.reading):
        ailment = _judge_blob(store, key, length, digest)
        if ailment is not None:
            findings.append((item, key, Finding(ailment=ailment, subject=item, school_id=school_id)))
        count += 1
        progress(count)
    return findings, count


def _judge_blob(store: SealedBytes, key: str, length: int, digest: bytes) -> Ailment | None:
    hashed, seen = hashlib.sha256(), 0
    try:
        for chunk in store.read_chunks(key):
            hashed.update(chunk)
            seen += len(chunk)
    except BlobMissing:
        return Ailment.SEALED_BYTES_MISSING
    return None if seen == length and hashed.digest() == digest else Ailment.SEALED_BYTES_CHANGED


def _orphans(database: Database, store: SealedBytes) -> Iterator[Finding]:
    """Say that there are blobs without a row, each as one finding without a subject: it has none."""
    keys = store.list_keys()
    while some := list(islice(keys, AT_ONCE)):
        with database.reading() as session:
            known = queries.list_live_blob_keys(session, some)
        for _ in range(len(some) - len(known)):
            yield Finding(ailment=Ailment.SEALED_BYTES_WITHOUT_ROW)


def _files(secret_files: Mapping[str, Path]) -> Sequence[Finding]:
    """Pepper, field keys and log key are there, and other users of the machine cannot read them."""
    findings = []
    for setting, path in sorted(secret_files.items()):
        if not path.is_file():
            findings.append(Finding(ailment=Ailment.SECRET_FILE_MISSING, setting=setting))
        elif path.stat().st_mode & (S_IRWXG | S_IRWXO):
            findings.append(Finding(ailment=Ailment.SECRET_FILE_READABLE, setting=setting))
    return findings
