"""Opening a dispatch, in two phases: everything is decrypted and verified first, then the act is recorded.

The first phase needs no lock and may take a while (25 MiB an attachment); the second rechecks what may have changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Dispatch, Opening
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import CannotOpen, Conflict, KeyMissing, RuleForbids, StateForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.statements import PUPIL_CONFIRMATION
from transfer_service.domain.transfer import Action, DispatchKind, Side, Status, next_status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.handing_over import tell_of
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.unopened import check_unchanged, report_failure
from transfer_service.use_cases.transfers.unsealing import Depth, load_sealed, open_cover, open_parts

READABLE = frozenset({Status.OPENED, Status.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedOpening:
    """What the first phase found: nothing of the contents, only what opened and what did not.

    `failure` is set where nothing could be opened at all, because of the manifest or the cover.
    """

    dispatch_id: UUID
    person_id: UUID
    manifest_hash: bytes | None
    opened: tuple[UUID, ...]
    failures: tuple[tuple[UUID, CannotOpen], ...]
    failure: CannotOpen | None = None
    unopened: Mapping[UUID, int] = field(default_factory=dict)
    """The revisions of the items that did not open, as they were then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningOutcome:
    """What came of opening. `has_opened` is false where not one item opened: the dispatch stays as it was."""

    dispatch_id: UUID
    has_opened: bool
    failures: tuple[CannotOpen, ...]


def prepare_opening(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, person_key: PersonKey, storage: Storage
) -> PreparedOpening:
    """Decrypt and verify everything in a dispatch, in a reading session. Nothing is kept and nothing is shown.

    Raises NotFound, PermissionRefused, StateForbids, KeyMissing, StorageUnavailable.
    """
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.RECEIVING)
    permissions.check(actor, Permission.NOTES_OPEN)
    _check_may_open(dispatch)
    keys = open_school_keys(session, at, actor, person_key)
    sealed = load_sealed(session, at, dispatch, keys)
    try:
        manifest, _ = open_cover(session, at, storage, sealed)
    except CannotOpen as failure:
        return PreparedOpening(
            dispatch_id=dispatch.id,
            person_id=actor.person_id,
            manifest_hash=dispatch.manifest_hash,
            opened=(),
            failures=(),
            failure=failure,
        )
    parts = open_parts(at, storage, sealed, manifest, depth=Depth.VERIFY)
    return PreparedOpening(
        dispatch_id=dispatch.id,
        person_id=actor.person_id,
        manifest_hash=manifest.hash,
        opened=tuple(part.item_id for part in parts if part.failure is None),
        failures=tuple((part.item_id, part.failure) for part in parts if part.failure is not None),
        unopened={part.item_id: part.revision for part in parts if part.failure is not None},
    )


def record_opening(
    session: Session, at: Installation, actor: Actor, prepared: PreparedOpening, *, confirmation_version: str
) -> OpeningOutcome:
    """Record that the actor confirmed that the pupil is joining and opened the dispatch; status and grants rechecked.

    `confirmation_version` is the version of the confirmation that the person was shown. A colleague who opens later is
    recorded too: who acknowledges has opened it herself. Raises Conflict where the dispatch changed since the first
    phase, KeyMissing where the actor's key was taken away since.
    """
    if prepared.person_id != actor.person_id:
        raise Conflict
    dispatch = queries.get_dispatch(
        session, dispatch_id=prepared.dispatch_id, school_id=school_of(actor), side=Side.RECEIVING, lock=True
    )
    permissions.check(actor, Permission.NOTES_OPEN)
    _check_may_open(dispatch)
    PUPIL_CONFIRMATION.check_shown(confirmation_version)
    if dispatch.manifest_hash != prepared.manifest_hash:
        raise Conflict
    check_unchanged(session, prepared.unopened)
    if not queries.holds_key(session, person_id=actor.person_id, school_id=dispatch.receiving_school_id):
        raise KeyMissing
    granted = queries.list_grants(session, dispatch_id=dispatch.id, recipient_id=dispatch.receiving_school_id)
    if not set(prepared.opened) <= set(granted):
        raise Conflict
    failures = [failure for _, failure in prepared.failures]
    if prepared.failure is not None:
        failures = [prepared.failure]
    leaves = _report(session, at, actor, dispatch, prepared)
    if prepared.opened:
        leaves = [*_open(session, at, actor, dispatch, prepared), *leaves]
    record_all(session, at, leaves)
    return OpeningOutcome(dispatch_id=dispatch.id, has_opened=bool(prepared.opened), failures=tuple(failures))


def _open(
    session: Session, at: Installation, actor: Actor, dispatch: Dispatch, prepared: PreparedOpening
) -> list[Entry]:
    """Write what opening changes, and return its leaves; none where this person has opened it before."""
    now = at.now()
    if dispatch.status is Status.SENT:
        dispatch.status = next_status(dispatch.kind, dispatch.status, Action.OPEN)
        dispatch.opened_at = now
        dispatch.opened_by = actor.person_id
        alert_school(session, at, AlertKind.DISPATCH_OPENED, dispatch.transfer.sending_school_id, dispatch=dispatch)
    for place in queries.list_items(session, dispatch_id=dispatch.id):
        if place.item_id in prepared.opened and place.opened_at is None:
            place.opened_at = now
    if actor.person_id in queries.list_openers(session, dispatch_id=dispatch.id):
        return []
    session.add(Opening(dispatch_id=dispatch.id, person_id=actor.person_id, opened_at=now))
    confirmed = tell_of(session, actor, dispatch, f"confirmed: “{PUPIL_CONFIRMATION.text}”")
    opened = tell_of(
        session,
        actor,
        dispatch,
        "opened it",
        items=str(len(prepared.opened)),
        not_opened=str(len(prepared.failures)),
    )
    digest = prepared.manifest_hash
    return [
        leaf_of(actor, Event.PUPIL_CONFIRMED, dispatch, basis=Basis.PUPIL_JOINING, detail=confirmed),
        leaf_of(actor, Event.DISPATCH_OPENED, dispatch, basis=Basis.PUPIL_JOINING, digest=digest, detail=opened),
    ]


def _report(
    session: Session, at: Installation, actor: Actor, dispatch: Dispatch, prepared: PreparedOpening
) -> list[Entry]:
    if prepared.failure is not None:
        return report_failure(session, at, actor, dispatch, prepared.failure)
    leaves: list[Entry] = []
    for item_id, failure in prepared.failures:
        leaves += report_failure(session, at, actor, dispatch, failure, item_id=item_id)
    return leaves


def _check_may_open(dispatch: Dispatch) -> None:
    if dispatch.kind is DispatchKind.NIL:
        raise RuleForbids("nil", "A nil declaration has no contents. Read its cover sheet and acknowledge it.")
    if dispatch.status not in READABLE:
        # Raises StateForbids in every state but SENT.
        next_status(dispatch.kind, dispatch.status, Action.OPEN)
    if dispatch.shredded_at is not None:
        raise StateForbids("shredded", "open", "The contents were shredded when their time was over.")
