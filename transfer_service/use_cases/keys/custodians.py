"""Who the custodians of an authority's recovery key are, and how the key that they keep stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.crypto import formats
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.db.models import Authority, Custodian
from transfer_service.db.queries import recovery as queries
from transfer_service.domain import permissions
from transfer_service.domain.custodians import (
    SHARES,
    Keeper,
    KeeperProblem,
    is_drill_due,
    list_problems,
)
from transfer_service.domain.errors import AlreadyDone, CannotOpen, Invalid, NotFound, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import KeyState
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import authentic_recovery_key
from transfer_service.use_cases.keys.recovery_keys import add_recovery_key
from transfer_service.use_cases.recording import record


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianTold:
    """What is said of one custodian; `share` is the number on the paper, 1 to 5."""

    share: int
    name: str
    employer: str
    works_for_authority: bool
    is_head_of_service: bool
    operates_service: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """How an authority's recovery key stands. `escrowed` of `epochs` school keys are sealed to it."""

    number: int
    made_at: datetime
    words: tuple[str, ...]
    custodians: tuple[Custodian, ...]
    problems: tuple[KeeperProblem, ...]
    drilled_at: datetime | None
    """When the last drill was recorded in which everything opened."""
    days_since_drill: int | None
    drill_is_due: bool
    last_drill_failed: int
    """How many grants did not open in the newest drill."""
    epochs: int
    escrowed: int

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything about it."""
        return not (self.problems or self.drill_is_due or self.last_drill_failed or self.escrowed < self.epochs)

    @property
    def free_shares(self) -> tuple[int, ...]:
        """The shares whose keeper is not recorded."""
        taken = {one.share for one in self.custodians}
        return tuple(share for share in range(1, SHARES + 1) if share not in taken)


def get_custody(session: Session, at: Installation, actor: Actor) -> Custody:
    """Return how the recovery key of the actor's authority stands; raises NotFound, PermissionRefused, CannotOpen."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.CUSTODIANS_EDIT)
    row = queries.find_recovery_key_row(session, authority_id)
    if row is None:
        raise NotFound("recovery key")
    custodians = tuple(queries.list_custodians(session, row.id))
    drilled_at, last = queries.find_last_good_drill(session, row.id), queries.find_last_drill(session, row.id)
    epochs, escrowed = queries.count_escrow(session, authority_id, row.id)
    now = at.now()
    return Custody(
        number=row.number,
        made_at=row.created_at,
        words=authentic_recovery_key(at, row).fingerprint.words(),
        custodians=custodians,
        problems=list_problems(_keeper(one) for one in custodians),
        drilled_at=drilled_at,
        days_since_drill=(now - drilled_at).days if drilled_at else None,
        drill_is_due=is_drill_due(drilled_at, now),
        last_drill_failed=(last.failed or 0) if last else 0,
        epochs=epochs,
        escrowed=escrowed,
    )


def find_custody(session: Session, at: Installation, actor: Actor) -> Custody | None:
    """Return how the recovery key stands, or None where there is none or its row is not authentic.

    For a page that is about something else: the page of the key itself says what is wrong.
    """
    try:
        return get_custody(session, at, actor)
    except (NotFound, CannotOpen):
        return None


def record_custodian(session: Session, at: Installation, actor: Actor, *, told: CustodianTold) -> UUID:
    """Record who keeps a share; returns the record's id. A name that breaks the rule is recorded too, and is red.

    Raises Invalid for a share that is none, AlreadyDone where its keeper is recorded, NotFound, PermissionRefused.
    """
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.CUSTODIANS_EDIT)
    key = queries.find_recovery_key_row(session, authority_id)
    if key is None:
        raise NotFound("recovery key")
    if not 1 <= told.share <= SHARES:
        raise Invalid({"share": [f"Choose a share from 1 to {SHARES}"]})
    if any(one.share == told.share for one in queries.list_custodians(session, key.id)):
        raise AlreadyDone(
            "record custodian", "The keeper of this share is recorded already. Remove that record first if it changed."
        )
    row = Custodian(
        id=at.new_id(),
        recovery_key_id=key.id,
        share=told.share,
        name=told.name,
        employer=told.employer,
        works_for_authority=told.works_for_authority or told.is_head_of_service,
        is_head_of_service=told.is_head_of_service,
        operates_service=told.operates_service,
        recorded_at=at.now(),
        recorded_by=actor.person_id,
    )
    session.add(row)
    session.flush()
    _record_change(session, at, actor, Event.CUSTODIAN_RECORDED, row)
    return row.id


def end_custodian(session: Session, at: Installation, actor: Actor, *, custodian_id: UUID) -> None:
    """Record that somebody keeps a share no more; raises NotFound, PermissionRefused.

    The paper still opens what it opened: a share that may have been seen wants a new ceremony.
    """
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.CUSTODIANS_EDIT)
    key = queries.find_recovery_key_row(session, authority_id)
    rows = queries.list_custodians(session, key.id) if key else []
    row = next((one for one in rows if one.id == custodian_id), None)
    if row is None:
        raise NotFound("custodian")
    row.ended_at = at.now()
    row.ended_by = actor.person_id
    _record_change(session, at, actor, Event.CUSTODIAN_ENDED, row)


def replace_recovery_key(
    session: Session, at: Installation, *, la_code: str, recovery: RecoveryPublic, is_demo: bool
) -> UUID:
    """Put the key of a new ceremony in the place of an authority's recovery key; for the command line alone.

    Each school seals its keys to it at its next unlock; the grants to the former key stay until a drill has opened
    the new ones. Raises NotFound for an authority that has not joined, AlreadyDone for the same key, RuleForbids for a
    demonstration's key outside one, or where RECOVERY_KEYS does not name the new key yet.
    """
    authority = session.scalar(select(Authority).where(Authority.la_code == la_code).with_for_update())
    old = queries.find_recovery_key_row(session, authority.id) if authority else None
    if authority is None or old is None:
        raise NotFound("authority")
    if recovery.demo and not is_demo:
        raise RuleForbids(
            "demo_recovery_key",
            "This recovery key was made for a demonstration. Have the custodians make one with `ceremony.py recovery "
            "new`.",
        )
    if old.fingerprint == recovery.public.fingerprint.digest:
        raise AlreadyDone("replace recovery key", "This is the recovery key that is in use. Nothing was changed.")
    if at.recovery_keys.get(la_code) != recovery.public.fingerprint.hex:
        raise RuleForbids(
            "recovery_key_differs",
            "The setting RECOVERY_KEYS does not name this key yet. Compare its words with the custodians, put its "
            f"fingerprint {recovery.public.fingerprint.hex} into the setting for {la_code}, and try again.",
        )
    public = authentic_recovery_key(at, old)
    old.state = KeyState.RETIRED
    old.mac = at.field_keys.authenticate_public_key(
        public,
        kind=formats.KeyKind.RECOVERY,
        owner=authority.id,
        epoch=old.number,
        state=KeyState.RETIRED.value,
    )
    session.flush()  # an index allows one active key at a time
    new = add_recovery_key(session, at, authority_id=authority.id, public=recovery.public, number=old.number + 1)
    session.flush()
    record(
        session,
        at,
        None,
        Event.RECOVERY_KEY_REPLACED,
        org=authority.id,
        subject=new.id,
        key=recovery.public.fingerprint.hex,
        basis=Basis.COMMAND_LINE,
    )
    return new.id


def _keeper(row: Custodian) -> Keeper:
    return Keeper(
        works_for_authority=row.works_for_authority,
        is_head_of_service=row.is_head_of_service,
        operates_service=row.operates_service,
    )


def _record_change(session: Session, at: Installation, actor: Actor, event: Event, row: Custodian) -> None:
    sentence = "The keeper of a share of the recovery key was recorded."
    if event is Event.CUSTODIAN_ENDED:
        sentence = "The keeper of a share of the recovery key keeps it no more."
    detail = tell(sentence, name=row.name, employer=row.employer, share=str(row.share))
    record(session, at, actor, event, subject=row.id, basis=Basis.ROLE, detail=detail)
