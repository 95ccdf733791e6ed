"""Legal holds: what an authority does so that nothing of a transfer is shredded while a court or an inquiry may ask.

A hold is of one authority and covers every dispatch of the transfer, those that come later too. Who holds is what the
log says; the mark on the dispatches follows it, and shredding asks for the mark (docs/exchange.md, "Conduit, not
archive"). A hold keeps what is there: it opens nothing, and nobody reads more because of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf
from transfer_service.db.models import Dispatch, Transfer
from transfer_service.db.queries import oversight_lists
from transfer_service.domain import permissions
from transfer_service.domain.errors import Invalid, RuleForbids
from transfer_service.domain.events import HOLDING_BASES, Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.transfers.leaves import list_logged

_EVENTS: Final = (Event.LEGAL_HOLD_SET, Event.LEGAL_HOLD_LIFTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """That an authority holds a transfer, since when and why."""

    authority_id: UUID
    since: datetime
    basis: Basis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStanding:
    """A transfer's holds as one authority sees them: its own, and whether the other one of a move holds too."""

    reference: str
    own: Hold | None
    is_held_by_another: bool
    is_gone: bool
    """Whether everything was shredded already, so that a hold would keep nothing."""


def get_hold(session: Session, actor: Actor, *, reference: str) -> HoldStanding:
    """Say who holds a transfer that the actor's authority sees; raises NotFound, PermissionRefused."""
    authority_id = authority_of(actor)
    transfer = oversight_lists.get_transfer(session, reference=reference, authority_id=authority_id)
    permissions.check(actor, Permission.LEGAL_HOLD_SET)
    holds = list_holds(session, transfer.id)
    return HoldStanding(
        reference=transfer.reference,
        own=holds.get(authority_id),
        is_held_by_another=any(one != authority_id for one in holds),
        is_gone=_is_gone(session, transfer.id),
    )


def set_hold(session: Session, at: Installation, actor: Actor, *, reference: str, basis: Basis) -> str:
    """Keep everything of a transfer from being shredded, for a reason from the list; returns the reference.

    Raises NotFound, PermissionRefused, Invalid for another reason, RuleForbids where the authority holds it already or
    nothing is left to be kept.
    """
    transfer = _lock(session, actor, reference)
    if basis not in HOLDING_BASES:
        raise Invalid({"basis": ["Choose why the contents must be kept"]})
    if authority_of(actor) in list_holds(session, transfer.id):
        raise RuleForbids("held_already", "Your authority has a legal hold on this transfer already. Lift it first.")
    if _is_gone(session, transfer.id):
        raise RuleForbids(
            "nothing_to_hold",
            "The sealed contents of this transfer were shredded already, so that a hold would keep nothing. Ask the "
            "receiving school, which filed its own copy.",
        )
    _mark(session, transfer.id, is_held=True)
    record(session, at, actor, Event.LEGAL_HOLD_SET, basis=basis, subject=transfer.id, transfer=transfer.id)
    return transfer.reference


def lift_hold(session: Session, at: Installation, actor: Actor, *, reference: str) -> str:
    """Lift the hold of the actor's authority; another authority's stands. Returns the reference.

    Raises NotFound, PermissionRefused, RuleForbids where the authority has none.
    """
    transfer = _lock(session, actor, reference)
    holds = list_holds(session, transfer.id)
    if holds.pop(authority_of(actor), None) is None:
        raise RuleForbids("not_held", "Your authority has no legal hold on this transfer, so there is none to lift.")
    _mark(session, transfer.id, is_held=bool(holds))
    record(
        session,
        at,
        actor,
        Event.LEGAL_HOLD_LIFTED,
        basis=Basis.ROLE,
        subject=transfer.id,
        transfer=transfer.id,
    )
    return transfer.reference


def list_holds(session: Session, transfer_id: UUID) -> dict[UUID, Hold]:
    """Return the holds on a transfer by authority, as the log tells them.

    Where a leaf of them is damaged, the mark on the dispatches keeps what is held meanwhile.
    """
    holds: dict[UUID, Hold] = {}
    for leaf in list_logged(session, transfer_id, _EVENTS):
        if leaf.said.org is None:
            continue
        if leaf.said.event == Event.LEGAL_HOLD_SET:
            holds[leaf.said.org] = _hold(leaf, leaf.said.org)
        else:
            holds.pop(leaf.said.org, None)
    return holds


def mark_as_logged(session: Session, transfer_id: UUID) -> bool:
    """Let the dispatches of a transfer say what the log says, after a restore; tells whether any changed."""
    is_held = bool(list_holds(session, transfer_id))
    found = session.scalars(select(Dispatch).where(Dispatch.transfer_id == transfer_id)).all()
    changed = [one for one in found if one.legal_hold is not is_held]
    for one in changed:
        one.legal_hold = is_held
    return bool(changed)


def _hold(leaf: Leaf, authority_id: UUID) -> Hold:
    known = {basis.value: basis for basis in HOLDING_BASES}
    return Hold(authority_id=authority_id, since=leaf.at, basis=known.get(leaf.said.basis or ""))


def _lock(session: Session, actor: Actor, reference: str) -> Transfer:
    """Lock the transfer and its dispatches, so that neither another hold nor the shredding comes between."""
    transfer = oversight_lists.get_transfer(session, reference=reference, authority_id=authority_of(actor))
    permissions.check(actor, Permission.LEGAL_HOLD_SET)
    session.scalars(select(Transfer).where(Transfer.id == transfer.id).with_for_update()).one()
    session.scalars(
        select(Dispatch).where(Dispatch.transfer_id == transfer.id).order_by(Dispatch.id).with_for_update()
    ).all()
    return transfer


def _mark(session: Session, transfer_id: UUID, *, is_held: bool) -> None:
    session.execute(update(Dispatch).where(Dispatch.transfer_id == transfer_id).values(legal_hold=is_held))


def _is_gone(session: Session, transfer_id: UUID) -> bool:
    shredded = session.scalars(select(Dispatch.shredded_at).where(Dispatch.transfer_id == transfer_id)).all()
    return bool(shredded) and all(one is not None for one in shredded)
