"""Acknowledging: the receiving school's signed statement that it has the file, or has read the nil declaration."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.audit.log import Entry
from transfer_service.crypto import formats
from transfer_service.crypto.manifest import Manifest, acknowledgement_hash
from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Acknowledgement, Dispatch
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import AlreadyDone, Conflict, RuleForbids, ServiceError, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.statements import ACKNOWLEDGEMENT, FILING_CONFIRMATION, NIL_ACKNOWLEDGEMENT
from transfer_service.domain.transfer import (
    Action,
    DispatchKind,
    Side,
    Status,
    check_acknowledgement,
    get_transition,
    next_status,
)
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, open_school_keys
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.handing_over import tell_of
from transfer_service.use_cases.transfers.leaves import leaf_of, leaf_of_signed
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.unsealing import load_sealed, open_cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The acknowledgement of a dispatch: the same one however often it is asked for. `leaf` is its receipt's leaf."""

    dispatch_id: UUID
    reference: str
    leaf: int | None
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NilsAcknowledged:
    """What came of acknowledging several nil declarations: those done, and for the rest why not."""

    done: tuple[Acknowledged, ...]
    refused: tuple[tuple[UUID, ServiceError], ...]


def acknowledge(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    person_key: PersonKey,
    storage: Storage,
    statement_version: str,
    senco_told: bool,
    key_staff_told: bool,
) -> Acknowledged:
    """Sign for the receiving school that the file, or the nil declaration, was received; again returns the same.

    Raises RuleForbids (`acknowledged_by_sender`, `not_opened`, `items_not_opened`), StateForbids, Conflict where the
    statement's wording changed, and CannotOpen where the manifest does not hold.
    """
    dispatch = _get_received(session, actor, dispatch_id)
    permissions.check(actor, Permission.RECEIPT_ACKNOWLEDGE)
    if dispatch.status is Status.ACKNOWLEDGED:
        return _existing(session, dispatch)
    get_transition(dispatch.kind, dispatch.status, Action.ACKNOWLEDGE)
    keys = open_school_keys(session, at, actor, person_key)
    told = (senco_told, key_staff_told)
    entry, row = _acknowledge(
        session, at, actor, keys, dispatch=dispatch, storage=storage, version=statement_version, told=told
    )
    row.leaf = record_all(session, at, [entry])[0].idx
    return Acknowledged(dispatch_id=dispatch.id, reference=dispatch.transfer.reference, leaf=row.leaf, again=False)


def acknowledge_nils(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_ids: Sequence[UUID],
    person_key: PersonKey,
    storage: Storage,
    statement_version: str,
) -> NilsAcknowledged:
    """Acknowledge many nil declarations at once; one that cannot be is named and keeps the others from nothing."""
    permissions.check(actor, Permission.RECEIPT_ACKNOWLEDGE)
    keys = open_school_keys(session, at, actor, person_key)
    done: list[Acknowledged] = []
    refused: list[tuple[UUID, ServiceError]] = []
    made: list[tuple[Dispatch, Acknowledgement, Entry]] = []
    # In one order for everybody, so that two people who acknowledge overlapping lists never wait for each other.
    for dispatch_id in sorted(set(dispatch_ids)):
        try:
            dispatch = _get_received(session, actor, dispatch_id)
            if dispatch.status is Status.ACKNOWLEDGED:
                done.append(_existing(session, dispatch))
                continue
            if dispatch.kind is not DispatchKind.NIL:
                raise RuleForbids("not_nil", "This is a file: open and read it before you acknowledge it.")
            get_transition(dispatch.kind, dispatch.status, Action.ACKNOWLEDGE)
            entry, row = _acknowledge(
                session,
                at,
                actor,
                keys,
                dispatch=dispatch,
                storage=storage,
                version=statement_version,
                told=(False, False),
            )
        except Conflict:
            raise
        except ServiceError as error:
            refused.append((dispatch_id, error))
            continue
        made.append((dispatch, row, entry))
    positions = record_all(session, at, [entry for _, _, entry in made])
    for (dispatch, row, _), position in zip(made, positions, strict=True):
        row.leaf = position.idx
        done.append(
            Acknowledged(dispatch_id=dispatch.id, reference=dispatch.transfer.reference, leaf=row.leaf, again=False)
        )
    return NilsAcknowledged(done=tuple(done), refused=tuple(refused))


def confirm_filed(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, statement_version: str
) -> None:
    """State that the exported file is filed in the school's own system; only then may it ever be shredded here.

    Source: docs/exchange.md, "Conduit, not archive". Raises AlreadyDone, RuleForbids (`not_exported`), StateForbids.
    """
    dispatch = _get_received(session, actor, dispatch_id)
    permissions.check(actor, Permission.FILING_CONFIRM)
    if dispatch.filed_at is not None:
        raise AlreadyDone("confirm_filed", "It is already stated that this file is filed in your school’s system.")
    if dispatch.status is not Status.ACKNOWLEDGED or dispatch.kind is DispatchKind.NIL:
        raise StateForbids(dispatch.status, "confirm_filed")
    FILING_CONFIRMATION.check_shown(statement_version)
    if dispatch.exported_at is None:
        raise RuleForbids("not_exported", "Download the whole file as one archive first, and file that.")
    dispatch.filed_at = at.now()
    dispatch.filed_by = actor.person_id
    detail = tell_of(session, actor, dispatch, f"stated: “{FILING_CONFIRMATION.text}”")
    record_all(session, at, [leaf_of(actor, Event.FILING_CONFIRMED, dispatch, detail=detail)])


def record_receipt_download(session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID) -> Dispatch:
    """Record that the actor's school takes a receipt of a dispatch it is part of, and return the dispatch.

    Receipts name the pupil by initials and year of birth alone. Raises NotFound, PermissionRefused.
    """
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_of(actor))
    permissions.check(actor, Permission.RECEIPT_READ)
    if dispatch.sent_leaf is None:
        raise StateForbids(dispatch.status, "receipt")
    leaf = leaf_of(actor, Event.RECEIPT_DOWNLOADED, dispatch, detail=tell("A receipt was downloaded."))
    record_all(session, at, [leaf])
    return dispatch


def _get_received(session: Session, actor: Actor, dispatch_id: UUID) -> Dispatch:
    return queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_of(actor), side=Side.RECEIVING, lock=True
    )


def _existing(session: Session, dispatch: Dispatch) -> Acknowledged:
    row = session.get_one(Acknowledgement, dispatch.id)
    return Acknowledged(dispatch_id=dispatch.id, reference=dispatch.transfer.reference, leaf=row.leaf, again=True)


def _acknowledge(
    session: Session,
    at: Installation,
    actor: Actor,
    keys: SchoolKeys,
    *,
    dispatch: Dispatch,
    storage: Storage,
    version: str,
    told: tuple[bool, bool],
) -> tuple[Entry, Acknowledgement]:
    """Check, sign and write one acknowledgement; return its leaf-to-be and its row."""
    is_nil = dispatch.kind is DispatchKind.NIL
    statement = NIL_ACKNOWLEDGEMENT if is_nil else ACKNOWLEDGEMENT
    statement.check_shown(version)
    manifest = _verify(session, at, keys, dispatch=dispatch, storage=storage)
    _check_rule(session, actor, dispatch, manifest)
    signed = formats.acknowledgement(
        deployment=at.deployment,
        transfer=dispatch.transfer_id,
        dispatch=dispatch.id,
        manifest_hash=manifest.hash,
        statement_version=statement.version,
        statement=statement.text,
        person=actor.person_id,
    )
    number, key = keys.active
    senco_told, key_staff_told = told
    row = Acknowledgement(
        dispatch_id=dispatch.id,
        person_id=actor.person_id,
        statement_version=statement.version,
        statement=statement.text,
        senco_told=senco_told,
        key_staff_told=key_staff_told,
        epoch=number,
        signed_bytes=signed,
        signature=key.sign(signed),
    )
    session.add(row)
    dispatch.status = next_status(dispatch.kind, dispatch.status, Action.ACKNOWLEDGE)
    dispatch.acknowledged_at = at.now()
    dispatch.acknowledged_by = actor.person_id
    alert_school(session, at, AlertKind.DISPATCH_ACKNOWLEDGED, dispatch.transfer.sending_school_id, dispatch=dispatch)
    detail = tell_of(
        session,
        actor,
        dispatch,
        f"stated: “{statement.text}”",
        items=str(len(manifest.items)),
        senco_told="yes" if senco_told else "no",
        key_staff_told="yes" if key_staff_told else "no",
        statement=statement.version,
    )
    event = Event.NIL_ACKNOWLEDGED if is_nil else Event.DISPATCH_ACKNOWLEDGED
    digest = acknowledgement_hash(signed)
    return leaf_of_signed(actor, event, dispatch, keys, digest=digest, detail=detail), row


def _verify(session: Session, at: Installation, keys: SchoolKeys, *, dispatch: Dispatch, storage: Storage) -> Manifest:
    """What is signed for must be what was sent: for a nil also about whom, since nobody opened it before."""
    if dispatch.kind is DispatchKind.NIL:
        return open_cover(session, at, storage, load_sealed(session, at, dispatch, keys))[0]
    return verify_manifest(session, at, dispatch)


def _check_rule(session: Session, actor: Actor, dispatch: Dispatch, manifest: Manifest) -> None:
    if dispatch.sent_by is None:
        raise StateForbids(dispatch.status, Action.ACKNOWLEDGE)
    places = queries.list_items(session, dispatch_id=dispatch.id, sealed_by=dispatch.transfer.sending_school_id)
    check_acknowledgement(
        kind=dispatch.kind,
        person_id=actor.person_id,
        sent_by=dispatch.sent_by,
        opened_by=queries.list_openers(session, dispatch_id=dispatch.id),
        # From the manifest, not the rows: taking a row away must not make an incomplete file look complete.
        items=[listed.item for listed in manifest.items],
        items_opened=[place.item_id for place in places if place.opened_at is not None],
    )
