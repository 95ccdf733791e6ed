"""The bundles that go to the custodians: escrow grants, which open with the recovery key alone."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto import recovery_files as files
from transfer_service.crypto.recovery_files import EscrowGrant, RecoveryPublic
from transfer_service.db.models import Authority, RecoveryDrill, RecoveryRequest, School
from transfer_service.db.queries import recovery as queries
from transfer_service.domain import permissions
from transfer_service.domain.custodians import RecoveryState
from transfer_service.domain.errors import Conflict, NotFound, StateForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import authentic_epoch, authentic_person_key, find_person_key
from transfer_service.use_cases.keys.recovery_keys import get_recovery_key
from transfer_service.use_cases.recording import record


def export_for_drill(
    session: Session, at: Installation, actor: Actor | None, *, authority_id: UUID, is_demo: bool
) -> str:
    """Write the bundle of every escrow grant of an authority's schools; `actor` is None for the command line.

    Raises NotFound for another authority, PermissionRefused, RuleForbids where there is no recovery key.
    """
    if actor is not None:
        if actor.organisation_id != authority_id:
            raise NotFound("authority")
        permissions.check(actor, Permission.CUSTODIANS_EDIT)
    recovery = get_recovery_key(session, at, authority_id)
    text = _write(session, at, authority_id, is_demo=is_demo)
    digest = files.bundle_sha256(text)
    if session.scalar(select(RecoveryDrill.id).where(RecoveryDrill.bundle_sha256 == digest)) is None:
        session.add(
            RecoveryDrill(
                id=at.new_id(),
                recovery_key_id=recovery.id,
                bundle_sha256=digest,
                exported_at=at.now(),
                exported_by=actor.person_id if actor else None,
            )
        )
    _record_export(session, at, actor, subject=recovery.id, org=authority_id, digest=digest)
    return text


def export_for_request(
    session: Session, at: Installation, actor: Actor | None, *, request_id: UUID, is_demo: bool
) -> str:
    """Write the bundle of one school's escrow grants with the approved request; it may be written again.

    Raises NotFound, PermissionRefused, StateForbids before the second approval, Conflict where the person has another
    key since.
    """
    request, school = get_request(session, request_id)
    if actor is not None:
        if actor.organisation_id != school.authority_id:
            raise NotFound("request")
        permissions.check(actor, Permission.RECOVERY_APPROVE)
    if request.state not in (RecoveryState.APPROVED, RecoveryState.EXPORTED):
        raise StateForbids(request.state, "export recovery")
    check_same_key(session, at, request)
    text = _write(session, at, school.authority_id, is_demo=is_demo, request=request)
    digest = files.bundle_sha256(text)
    request.state = RecoveryState.EXPORTED
    request.bundle_sha256 = digest
    request.exported_at = at.now()
    _record_export(session, at, actor, subject=request.id, org=school.id, digest=digest)
    return text


def get_request(session: Session, request_id: UUID) -> tuple[RecoveryRequest, School]:
    """Return a request, locked, with its school; raises NotFound."""
    request = session.get(RecoveryRequest, request_id, with_for_update=True)
    if request is None:
        raise NotFound("request")
    return request, session.get_one(School, request.school_id)


def check_same_key(session: Session, at: Installation, request: RecoveryRequest) -> None:
    """Raise Conflict where the person of a request has another key than when it was made."""
    key = find_person_key(session, request.person_id)
    if key is None or authentic_person_key(at, key).fingerprint.digest != request.key_fingerprint:
        raise Conflict("The person has another key since the request. Refuse this request and have it made again.")


def _write(
    session: Session, at: Installation, authority_id: UUID, *, is_demo: bool, request: RecoveryRequest | None = None
) -> str:
    recovery = get_recovery_key(session, at, authority_id)
    school_id = request.school_id if request else None
    grants = queries.list_escrow_grants(session, recovery.id, school_id=school_id)
    asked = None
    if request is not None:
        key = find_person_key(session, request.person_id)
        if key is None:
            raise NotFound("key")
        asked = files.RecoveryRequest(
            request=request.id,
            person=request.person_id,
            key_version=request.key_version,
            public=authentic_person_key(at, key),
        )
    name = session.get_one(Authority, authority_id).name
    return files.write_bundle(
        deployment=at.deployment,
        recovery=RecoveryPublic(public=recovery.public, authority=name, demo=is_demo),
        grantee=recovery.id,
        grantee_version=recovery.number,
        grants=[
            EscrowGrant(
                organisation=epoch.school_id,
                epoch=epoch.number,
                public=authentic_epoch(at, epoch).public,
                sealed=grant.sealed,
            )
            for grant, epoch in grants
        ],
        request=asked,
    )


def _record_export(
    session: Session, at: Installation, actor: Actor | None, *, subject: UUID, org: UUID, digest: str
) -> None:
    record(
        session,
        at,
        actor,
        Event.RECOVERY_EXPORTED,
        org=org,
        subject=subject,
        digest=bytes.fromhex(digest),
        basis=Basis.ROLE if actor else Basis.COMMAND_LINE,
    )
