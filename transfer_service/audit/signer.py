"""The one signer: puts a signature under what is committed, and freezes a log that went back.

Order of steps: read a committed size and hash every new leaf; store the note; move the state file. Killed between
any two, the next run completes what was begun, and the state file is never ahead of the stored checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import (
    Checkpoint,
    add_signatures,
    parse_checkpoint,
    verify_checkpoint,
    write_checkpoint,
)
from transfer_service.audit.cosignature import as_kept
from transfer_service.audit.errors import (
    LogFrozen,
    LogInconsistent,
    LogNotFrozen,
    LogNotPrepared,
    SignerBusy,
    SignerStateLost,
)
from transfer_service.audit.nodes import root_at
from transfer_service.audit.numbering import Numbering, keep, read_numbering, write_numbering
from transfer_service.audit.signer_state import SignerState, locked_state, read_state, write_state
from transfer_service.audit.tree import append_to_frontier, hash_leaf, split_frontier
from transfer_service.crypto.signing import LogSigningKey, VerifierKey
from transfer_service.db.models.log import LogCheckpoint, LogCosignature, LogHead, LogLeaf
from transfer_service.db.session import Database

ADVISORY_LOCK = 0x7074785F6C6F67
"""The number of the signer's advisory lock on PostgreSQL ("ptx_log")."""

_BATCH = 2_000


class SignResult(StrEnum):
    """What one run of the signer came to."""

    SIGNED = "signed"
    NOTHING_NEW = "nothing_new"
    BUSY = "busy"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class SignOutcome:
    """The result with the size that is signed now; `sentence` says what a person must know, else empty."""

    result: SignResult
    size: int
    sentence: str = ""


class _WentBack(Exception):
    """The log is smaller than what was signed, or another one."""


def sign_committed(database: Database, *, key: LogSigningKey, state_file: Path, now: datetime) -> SignOutcome:
    """Sign the committed size of the log where it grew; freeze the log where it went back.

    Only one signer runs at a time; another gets `BUSY`. Raises SignerStateLost where checkpoints exist and the
    state file does not: call `adopt_state` on purpose, never by itself. Raises LogNotPrepared.
    """
    with _only_signer(database, state_file) as is_alone:
        if not is_alone:
            return SignOutcome(SignResult.BUSY, 0)
        state = read_state(state_file) or _begin(database, key, state_file)
        try:
            with database.reading() as session:
                grown = _follow(session, key, state)
        except _WentBack as error:
            _freeze(database, str(error))
            return SignOutcome(SignResult.FROZEN, state.size, str(error))
        except LogFrozen as error:
            return SignOutcome(SignResult.FROZEN, state.size, error.sentence)
        if grown.size == state.size:
            return SignOutcome(SignResult.NOTHING_NEW, state.size)
        _move_state(state_file, _store_note(database, key, grown, now))
        return SignOutcome(SignResult.SIGNED, grown.size)


def adopt_state(
    database: Database,
    *,
    key: LogSigningKey,
    state_file: Path,
    known: Checkpoint | None = None,
    earlier: Sequence[VerifierKey] = (),
) -> int:
    """Make a lost state file again from the newest stored checkpoint; returns its size.

    For an operator who knows that the log did not go back: by a checkpoint kept elsewhere, given as `known`, which
    the log must contain. `earlier` are keys that the log had before, as its policy names them. Raises
    LogInconsistent where it does not, SignerStateLost where a state file exists.
    """
    with _only_signer(database, state_file) as is_alone:
        if not is_alone or read_state(state_file) is not None:
            raise SignerStateLost("There is a state file, or a signer is running. Stop the worker and look first.")
        with database.reading() as session:
            newest = _newest_checkpoint(session)
            size = newest.size if newest else 0
            if known and (known.origin != key.name or known.size > size or root_at(session, known.size) != known.root):
                raise LogInconsistent("The log does not contain the checkpoint that is known from elsewhere: restore.")
            numbering = read_numbering(newest.note) if newest else None
            begun = SignerState(key.name, 0, ())
            if numbering is not None:
                begun = replace(begun, number=numbering.number, kept=numbering.kept)
            state = _extend(session, begun, size)
        if newest and verify_checkpoint(newest.note, [key.verifier, *earlier]).root != state.root:
            raise LogInconsistent("The newest checkpoint is not of the leaves that are stored: restore.")
        write_state(state_file, state)
        return size


def lift_freeze(database: Database, *, key: LogSigningKey, state_file: Path, then: Callable[[Session], object]) -> int:
    """Let the log take leaves again after it was made whole; returns its size.

    `then` writes the leaf that says so, in the same transaction. Raises LogInconsistent while the log does not begin
    with what the signer signed, SignerStateLost without a state file, SignerBusy, LogNotFrozen.
    """
    with _only_signer(database, state_file) as is_alone:
        if not is_alone:
            raise SignerBusy
        state = read_state(state_file)
        if state is None:
            raise SignerStateLost(
                "Without the signer's state file nothing shows that the log is whole. Put it back first."
            )
        with database.writing() as session:
            if not session.scalar(select(LogHead.frozen).with_for_update()):
                raise LogNotFrozen
            try:
                size = _follow(session, key, state, even_if_frozen=True).size
            except _WentBack as error:
                raise LogInconsistent(f"{error} It stays frozen.") from error
            session.execute(update(LogHead).values(frozen=False, frozen_reason=None))
            then(session)
        return size


def _follow(session: Session, key: LogSigningKey, state: SignerState, *, even_if_frozen: bool = False) -> SignerState:
    """Return the state of the log as it is committed, checked to begin with what was signed."""
    head = session.execute(select(LogHead.size, LogHead.frontier, LogHead.frozen, LogHead.frozen_reason)).one_or_none()
    if head is None:
        raise LogNotPrepared
    if head.frozen and not even_if_frozen:
        raise LogFrozen(head.frozen_reason)
    if state.origin != key.name:
        raise SignerStateLost("The state file is of another log. Give the file that belongs to this log's key.")
    if head.size < state.size:
        raise _WentBack(f"The log was rolled back: {state.size} leaves were signed and {head.size} are left.")
    try:
        is_same = root_at(session, state.size) == state.root and _holds_newest(session, head.size)
        grown = _extend(session, state, head.size)
    except LogInconsistent as error:
        raise _WentBack("The log was rolled back or altered: parts of what was signed are missing.") from error
    if not is_same or list(grown.frontier) != split_frontier(head.frontier):
        raise _WentBack(
            f"The log was rolled back or altered: its {head.size} leaves do not begin with what was signed."
        )
    return grown


def _holds_newest(session: Session, size: int) -> bool:
    """Tell whether the log contains the newest stored checkpoint, which a killed run may have left beyond its state."""
    newest = _newest_checkpoint(session)
    if newest is None:
        return True
    return newest.size <= size and root_at(session, newest.size) == parse_checkpoint(newest.note).checkpoint.root


def _begin(database: Database, key: LogSigningKey, state_file: Path) -> SignerState:
    """Write the state of a log of which nothing is signed yet, so that from then on an absent file means a lost one."""
    with database.reading() as session:
        if _newest_checkpoint(session) is not None:
            raise SignerStateLost(
                "There are checkpoints and no state file, so that a rollback could not be seen. "
                "Put the state file back, or follow “When the state file is lost” in docs/log.md."
            )
    state = SignerState(key.name, 0, ())
    write_state(state_file, state)
    return state


def _extend(session: Session, state: SignerState, size: int) -> SignerState:
    """Hash the leaves from the state's size up to `size`; raises LogInconsistent where one is missing."""
    frontier, count = list(state.frontier), state.size
    while count < size:
        bodies = session.scalars(
            select(LogLeaf.body).where(LogLeaf.idx >= count, LogLeaf.idx < size).order_by(LogLeaf.idx).limit(_BATCH)
        ).all()
        if not bodies:
            raise LogInconsistent("A leaf is missing.")
        for body in bodies:
            append_to_frontier(frontier, count, hash_leaf(body))
            count += 1
    return replace(state, size=count, frontier=tuple(frontier))


def _store_note(database: Database, key: LogSigningKey, state: SignerState, now: datetime) -> SignerState:
    """Commit the signed note, unless a run that was killed afterwards already did; returns the state with its count."""
    checkpoint = Checkpoint(state.origin, state.size, state.root)
    with database.writing() as session:
        stored = session.get(LogCheckpoint, state.size)
        numbering = read_numbering(stored.note) if stored is not None else _next_numbering(session, state, now)
        if stored is None and numbering is not None:
            line = write_numbering(numbering, text=checkpoint.text(), key=key)
            note = add_signatures(write_checkpoint(checkpoint, key), [line])
            session.add(LogCheckpoint(size=state.size, note=note, signed_at=numbering.signed_at))
    return state if numbering is None else replace(state, number=numbering.number, kept=numbering.kept)


def _next_numbering(session: Session, state: SignerState, now: datetime) -> Numbering:
    """Count on from the state file, or from the newest stored note where a killed run left that one further."""
    newest = _newest_checkpoint(session)
    last = read_numbering(newest.note) if newest is not None else None
    number, kept = state.number, state.kept
    if last is not None and last.number > number:
        number, kept = last.number, last.kept
    if number == 0:  # all that are stored are of a version that did not count
        number = session.scalar(select(func.count()).select_from(LogCheckpoint)) or 0
    rows = select(LogCosignature).where(LogCosignature.number > kept.count).order_by(LogCosignature.number)
    for row in session.scalars(rows.execution_options(yield_per=_BATCH)):
        kept = keep(kept, as_kept(row))
    return Numbering(number + 1, now, kept)


def _move_state(state_file: Path, state: SignerState) -> None:
    write_state(state_file, state)


def _freeze(database: Database, reason: str) -> None:
    with database.writing() as session:
        session.execute(select(LogHead.size).with_for_update())
        session.execute(update(LogHead).values(frozen=True, frozen_reason=reason))


def _newest_checkpoint(session: Session) -> LogCheckpoint | None:
    return session.scalars(select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1)).one_or_none()


@contextmanager
def _only_signer(database: Database, state_file: Path) -> Iterator[bool]:
    """Hold the signer's lock: `flock` beside the state file, and on PostgreSQL an advisory lock for other machines."""
    with locked_state(state_file) as has_file:
        if not has_file or database.is_sqlite:
            yield has_file
            return
        with database.engine.connect() as connection:
            has_lock = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": ADVISORY_LOCK}))
            connection.commit()
            try:
                yield has_lock
            finally:
                if has_lock:
                    connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": ADVISORY_LOCK})
                    connection.commit()
