"""What comes back from the custodians: verdicts of drills, and grants that are sealed to one person.

Nothing of it is trusted because of where it came from: each file is checked against what went out.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto import recovery_files as files
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.recovery_files import DrillVerdict, RecoveredGrant, RecoveredGrants
from transfer_service.db.models import (
    KeyGrant,
    Membership,
    Person,
    RecoveryDrill,
    RecoveryKey,
    RecoveryRequest,
    SchoolEpoch,
)
from transfer_service.db.queries import recovery as queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.custodians import RecoveryState
from transfer_service.domain.errors import AlreadyDone, Conflict, Invalid, NotFound, StateForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import GranteeKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, MembershipState
from transfer_service.use_cases.alerting import alert_authority, alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import authentic_epoch
from transfer_service.use_cases.keys.recovery import MAY_RECEIVE
from transfer_service.use_cases.oversight.recovery_bundles import check_same_key, get_request
from transfer_service.use_cases.recording import entry, record, record_all

_ANOTHER = "The file belongs to another bundle, request or installation. Choose the file that came back for this one."


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOutcome:
    """What a drill found, and how many grants to former recovery keys went because of it."""

    opened: int
    failed: int
    former_grants_deleted: int


def import_verdict(session: Session, at: Installation, actor: Actor | None, *, text: str) -> DrillOutcome:
    """Record what a drill found; where all opened, grants to former recovery keys of the same epochs go.

    A grant that was in the bundle and is not in the verdict counts as failed. Raises Invalid for a file that is no
    verdict or belongs to nothing that went out, AlreadyDone, NotFound, PermissionRefused.
    """
    try:
        verdict = files.read_verdict(text)
    except CryptoError as error:
        raise Invalid({"file": [str(error)]}) from None
    drill, key = _get_drill(session, at, actor, verdict)
    if drill.recorded_at is not None:
        raise AlreadyDone("record drill", "This drill is recorded already. Nothing was changed.")
    exported = queries.list_escrow_grants(session, key.id, made_by=drill.exported_at)
    good = {(one.organisation, one.epoch, one.fingerprint.digest) for one in verdict.results if one.ok}
    epochs = [epoch for _, epoch in exported]
    drill.opened = sum((epoch.school_id, epoch.number, epoch.fingerprint) in good for epoch in epochs)
    drill.failed = len(epochs) - drill.opened
    drill.recorded_at = at.now()
    drill.recorded_by = actor.person_id if actor else None
    deleted = 0
    if drill.failed:
        alert_authority(session, at, AlertKind.DOCTOR_FAILED, key.authority_id)
    else:
        deleted = _delete_former_grants(session, key, epochs)
    record(
        session,
        at,
        actor,
        Event.DRILL_RECORDED,
        org=key.authority_id,
        subject=key.id,
        key=key.fingerprint.hex(),
        digest=bytes.fromhex(drill.bundle_sha256),
        basis=Basis.ROLE if actor else Basis.COMMAND_LINE,
        detail={"opened": drill.opened, "failed": drill.failed},
    )
    return DrillOutcome(opened=drill.opened, failed=drill.failed, former_grants_deleted=deleted)


def import_grants(session: Session, at: Installation, actor: Actor | None, *, text: str) -> int:
    """Take in what the custodians sealed to the person of an approved request; returns how many keys those are.

    The person's role is approved with it, and the next sign-in makes the school a new key. Raises Invalid for a file
    that belongs to nothing that went out, NotFound, PermissionRefused, StateForbids, Conflict as `export_for_request`.
    """
    try:
        recovered = files.read_recovered_grants(text)
    except CryptoError as error:
        raise Invalid({"file": [str(error)]}) from None
    try:
        request, school = get_request(session, recovered.request)
    except NotFound:
        raise Invalid({"file": [_ANOTHER]}) from None
    if actor is not None:
        if actor.organisation_id != school.authority_id:
            raise Invalid({"file": [_ANOTHER]})
        permissions.check(actor, Permission.RECOVERY_APPROVE)
    lock_school(session, school.id)
    if request.state is not RecoveryState.EXPORTED:
        raise StateForbids(request.state, "import recovery")
    _check_belongs(at, request, recovered)
    check_same_key(session, at, request)
    membership = _get_recipient(session, request)
    leaves = _add_grants(session, at, actor, request, recovered)
    membership.state = MembershipState.ACTIVE
    membership.approved_at, membership.approved_by = at.now(), request.approved_by
    request.state, request.completed_at = RecoveryState.COMPLETED, at.now()
    alert_person(session, at, AlertKind.KEY_GRANTED, session.get_one(Person, request.person_id))
    record_all(
        session,
        at,
        [
            *leaves,
            entry(
                actor,
                Event.RECOVERY_COMPLETED,
                org=school.id,
                subject=request.id,
                key=request.key_fingerprint.hex(),
                basis=Basis.CUSTODIANS,
            ),
        ],
    )
    return len(recovered.grants)


def _get_drill(
    session: Session, at: Installation, actor: Actor | None, verdict: DrillVerdict
) -> tuple[RecoveryDrill, RecoveryKey]:
    """Return the drill that a verdict is about, locked, with its key; raises Invalid, PermissionRefused."""
    drill = session.scalar(
        select(RecoveryDrill).where(RecoveryDrill.bundle_sha256 == verdict.bundle_sha256).with_for_update()
    )
    key = session.get(RecoveryKey, drill.recovery_key_id) if drill else None
    if drill is None or key is None or (actor is not None and actor.organisation_id != key.authority_id):
        raise Invalid({"file": [_ANOTHER]})
    if actor is not None:
        permissions.check(actor, Permission.CUSTODIANS_EDIT)
    if (verdict.deployment, verdict.recovery_fingerprint.digest) != (at.deployment, key.fingerprint):
        raise Invalid({"file": [_ANOTHER]})
    return drill, key


def _get_recipient(session: Session, request: RecoveryRequest) -> Membership:
    """Return the role of the person whom the keys are for; raises Conflict where it ended or rests since."""
    membership = session.get_one(Membership, request.membership_id)
    if membership.state not in MAY_RECEIVE:
        raise Conflict(
            "The person’s role is not in use any more. Refuse this request and have one made for a lead of the school "
            "who is active."
        )
    return membership


def _check_belongs(at: Installation, request: RecoveryRequest, recovered: RecoveredGrants) -> None:
    came_back = (
        recovered.deployment,
        recovered.bundle_sha256,
        recovered.person,
        recovered.key_version,
        recovered.person_fingerprint.digest,
    )
    went_out = (
        at.deployment,
        request.bundle_sha256,
        request.person_id,
        request.key_version,
        request.key_fingerprint,
    )
    if came_back != went_out or not recovered.grants:
        raise Invalid({"file": [_ANOTHER]})


def _add_grants(
    session: Session, at: Installation, actor: Actor | None, request: RecoveryRequest, recovered: RecoveredGrants
) -> list[Entry]:
    """Add each grant that the person does not hold yet, and return its leaf; raises Invalid for another school's."""
    leaves = []
    for one in recovered.grants:
        row = _epoch_of(session, request, one)
        public = authentic_epoch(at, row).public
        grantee = {
            "school_epoch_id": row.id,
            "grantee_kind": GranteeKind.PERSON,
            "grantee_id": request.person_id,
            "grantee_version": request.key_version,
        }
        if session.scalar(select(KeyGrant.id).filter_by(**grantee)) is not None:
            continue
        session.add(
            KeyGrant(
                id=at.new_id(),
                **grantee,
                grantee_fingerprint=request.key_fingerprint,
                suite=one.suite,
                sealed=one.sealed,
                created_at=at.now(),
                created_by=actor.person_id if actor else request.approved_by,
            )
        )
        leaves.append(
            entry(
                actor,
                Event.KEY_GRANTED,
                org=request.school_id,
                subject=request.person_id,
                epoch=row.number,
                key=public.fingerprint.hex,
                basis=Basis.CUSTODIANS,
            )
        )
    session.flush()
    return leaves


def _epoch_of(session: Session, request: RecoveryRequest, one: RecoveredGrant) -> SchoolEpoch:
    row = session.scalar(
        select(SchoolEpoch).where(SchoolEpoch.school_id == request.school_id, SchoolEpoch.number == one.epoch)
    )
    if row is None or one.organisation != request.school_id or one.fingerprint.digest != row.fingerprint:
        raise Invalid({"file": [_ANOTHER]})
    return row


def _delete_former_grants(session: Session, key: RecoveryKey, epochs: list[SchoolEpoch]) -> int:
    """Delete the grants of these epochs to former recovery keys: the new ones just opened (docs/keys.md, rule 10)."""
    former = queries.list_grants_to_former_keys(session, key.authority_id, [epoch.id for epoch in epochs])
    for grant in former:
        session.delete(grant)
    session.flush()
    return len(former)
