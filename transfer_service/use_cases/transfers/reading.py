"""Reading the contents, for the school that sealed them and the one that opened them. Each showing leaves `notes.read`.

Two phases, as for opening: decrypt in a reading session, record in a writing one, and show only after its commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, School
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import CannotOpen, Conflict, KeyMissing, RuleForbids, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import Side, Status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.opening import READABLE
from transfer_service.use_cases.transfers.pupils import Pupil, find_pupil
from transfer_service.use_cases.transfers.unopened import check_unchanged, report_failure
from transfer_service.use_cases.transfers.unsealing import (
    Depth,
    Part,
    Sealed,
    load_sealed,
    open_cover,
    open_draft_parts,
    open_parts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a dispatch holds, in order. `failure` is set, and `parts` empty, where manifest or cover do not hold."""

    dispatch_id: UUID
    reference: str
    side: Side
    status: Status
    manifest_hash: bytes | None
    pupil: Pupil | None = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    sealed_by: Mapping[UUID, School]
    """The schools that sealed the parts, by id: others than the sending school where it forwards what it received."""
    failure: CannotOpen | None = None

    @property
    def notes(self) -> tuple[Part, ...]:
        """The notes that opened or should have."""
        return tuple(part for part in self.parts if part.kind is ItemKind.NOTE)

    @property
    def attachments(self) -> tuple[Part, ...]:
        """The attachments."""
        return tuple(part for part in self.parts if part.kind is ItemKind.ATTACHMENT)

    @property
    def remarks(self) -> tuple[Part, ...]:
        """What was withheld, in the sender's words."""
        return tuple(part for part in self.parts if part.kind is ItemKind.REMARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedReading:
    """Decrypted contents that may not be shown yet: `record_reading` hands them out."""

    contents: Contents = field(repr=False)
    person_id: UUID


def prepare_reading(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    person_key: PersonKey,
    storage: Storage,
    depth: Depth = Depth.NAMES,
    only: UUID | None = None,
) -> PreparedReading:
    """Decrypt and verify what the actor may read of a dispatch, in a reading session.

    The sending school reads its own at any time, a draft included. At the receiving school a person reads what she
    opened. Raises NotFound, PermissionRefused, StateForbids, RuleForbids (`not_opened`), KeyMissing.
    """
    school_id = school_of(actor)
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_id)
    permissions.check(actor, Permission.NOTES_OPEN)
    side = _check_may_read(session, actor, dispatch)
    keys = open_school_keys(session, at, actor, person_key)
    sealed = load_sealed(session, at, dispatch, keys)
    parts: Sequence[Part] = ()
    failure = None
    try:
        parts = _open_all(session, at, storage, sealed, depth=depth, only=only)
    except CannotOpen as found:
        failure = found
    contents = Contents(
        dispatch_id=dispatch.id,
        reference=dispatch.transfer.reference,
        side=side,
        status=dispatch.status,
        manifest_hash=dispatch.manifest_hash,
        pupil=None if failure is not None else find_pupil(at, dispatch.transfer),
        parts=tuple(parts),
        sealed_by={one: queries.get_school(session, one) for one in {part.sealed_by for part in parts} if one},
        failure=failure,
    )
    return PreparedReading(contents=contents, person_id=actor.person_id)


def record_reading(session: Session, at: Installation, actor: Actor, prepared: PreparedReading) -> Contents:
    """Record that the actor reads the contents, and return them: show them once this transaction is committed.

    Raises Conflict where the dispatch changed since the first phase, so that nobody reads what was just withdrawn.
    """
    contents = prepared.contents
    dispatch = recheck(session, actor, prepared)
    leaves = record_parts(session, at, actor, dispatch, contents)
    if contents.failure is None:
        leaves = [leaf_of(actor, Event.NOTES_READ, dispatch, digest=dispatch.manifest_hash), *leaves]
    record_all(session, at, leaves)
    return contents


def recheck(session: Session, actor: Actor, prepared: PreparedReading) -> Dispatch:
    """Return the dispatch, locked, where the actor may still read it as it was decrypted.

    Raises Conflict where the dispatch changed since, KeyMissing where the actor's key was taken away.
    """
    contents = prepared.contents
    if prepared.person_id != actor.person_id:
        raise Conflict
    dispatch = queries.get_dispatch(
        session, dispatch_id=contents.dispatch_id, school_id=school_of(actor), side=contents.side, lock=True
    )
    permissions.check(actor, Permission.NOTES_OPEN)
    _check_may_read(session, actor, dispatch)
    if dispatch.manifest_hash != contents.manifest_hash:
        raise Conflict
    check_unchanged(session, {part.item_id: part.revision for part in contents.parts if part.failure is not None})
    if not queries.holds_key(session, person_id=actor.person_id, school_id=school_of(actor)):
        raise KeyMissing
    return dispatch


def record_parts(
    session: Session, at: Installation, actor: Actor, dispatch: Dispatch, contents: Contents
) -> list[Entry]:
    """Report what does not open, once a dispatch. Opening again (`opening`) is what marks a repaired item as opened."""
    if contents.failure is not None:
        return report_failure(session, at, actor, dispatch, contents.failure, once=True)
    leaves: list[Entry] = []
    for part in contents.parts:
        if part.failure is not None:
            leaves += report_failure(session, at, actor, dispatch, part.failure, item_id=part.item_id, once=True)
    return leaves


def _open_all(
    session: Session, at: Installation, storage: Storage, sealed: Sealed, *, depth: Depth, only: UUID | None
) -> list[Part]:
    if sealed.dispatch.status is Status.DRAFT:
        return open_draft_parts(at, storage, sealed, depth=depth, only=only)
    if sealed.keys.school_id == sealed.dispatch.transfer.sending_school_id:
        # The sending school wrote the cover itself; what it signed is checked all the same.
        manifest = verify_manifest(session, at, sealed.dispatch)
    else:
        manifest, _ = open_cover(session, at, storage, sealed)
    return open_parts(at, storage, sealed, manifest, depth=depth, only=only)


def _check_may_read(session: Session, actor: Actor, dispatch: Dispatch) -> Side:
    """Return from which side the actor reads; raises StateForbids or RuleForbids where she may not now."""
    if dispatch.shredded_at is not None:
        raise StateForbids("shredded", "read", "The contents were shredded when their time was over.")
    if dispatch.transfer.sending_school_id == actor.organisation_id:
        return Side.SENDING
    if dispatch.status not in READABLE:
        raise StateForbids(dispatch.status, "read")
    if actor.person_id not in queries.list_openers(session, dispatch_id=dispatch.id):
        raise RuleForbids(
            "not_opened", "Confirm on the cover sheet that the pupil is joining, and open the file first."
        )
    return Side.RECEIVING
