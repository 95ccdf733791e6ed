"""An authority joins the service, with the public half of the recovery key that its custodians made offline."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.recovery_files import RecoveryPublic, read_recovery_public
from transfer_service.db.models import Authority
from transfer_service.domain import permissions
from transfer_service.domain.errors import AlreadyDone, Invalid, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.recovery_keys import add_recovery_key
from transfer_service.use_cases.recording import entry, record_all


def read_recovery_file(text: str) -> RecoveryPublic:
    """Read the `recovery-public.json` of a ceremony; raises Invalid where it is not one or does not hold together."""
    try:
        return read_recovery_public(text)
    except CryptoError as error:
        raise Invalid({"recovery_key": [str(error)]}) from None


def create_authority(
    session: Session,
    at: Installation,
    actor: Actor | None,
    *,
    la_code: str,
    name: str,
    recovery: RecoveryPublic,
    is_demo: bool,
) -> UUID:
    """Enrol an authority, also one that is known already because its schools were imported; returns its id.

    `actor` is None for the command line. Raises Invalid for a code that is not three digits, RuleForbids for a
    demonstration's recovery key outside a demonstration, AlreadyDone where the authority has joined.
    """
    if actor is not None:
        permissions.check(actor, Permission.AUTHORITIES_EDIT)
    if not (len(la_code) == 3 and la_code.isascii() and la_code.isdecimal()):
        raise Invalid({"la_code": ["The authority’s code must be three digits, such as 937"]})
    if not name.strip():
        raise Invalid({"name": ["Enter the authority’s name"]})
    if recovery.demo and not is_demo:
        raise RuleForbids(
            "demo_recovery_key",
            "This recovery key was made for a demonstration, where its shares lie in a folder. Have the custodians "
            "make one with `ceremony.py recovery new`.",
        )
    authority = session.scalar(select(Authority).where(Authority.la_code == la_code).with_for_update())
    if authority is not None and authority.enrolled_at is not None:
        raise AlreadyDone("create authority", "This authority has joined already. Nothing was changed.")
    if authority is None:
        authority = Authority(id=at.new_id(), la_code=la_code, name=name.strip())
        session.add(authority)
    authority.name = name.strip()
    authority.enrolled_at = at.now()
    session.flush()
    key = add_recovery_key(session, at, authority_id=authority.id, public=recovery.public)
    basis = Basis.ROLE if actor else Basis.COMMAND_LINE
    record_all(
        session,
        at,
        [
            entry(actor, Event.AUTHORITY_CREATED, org=authority.id, subject=authority.id, basis=basis),
            entry(
                actor,
                Event.RECOVERY_KEY_RECORDED,
                org=authority.id,
                subject=key.id,
                key=recovery.public.fingerprint.hex,
                basis=basis,
            ),
        ],
    )
    return authority.id
