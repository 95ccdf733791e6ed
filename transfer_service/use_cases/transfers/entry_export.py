"""The log's entries of a school's own transfer to take away, for a data protection officer or whoever checks them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.entry_proofs import EntryExport, prove_entries
from transfer_service.audit.policy import parse_policy
from transfer_service.domain.errors import NotFound
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.transfers.timeline import find_own_transfer, list_told_leaves


@dataclass(frozen=True, slots=True)
class EntriesTaken:
    """That the taking stands in the log, as the leaf `leaf`: what is handed out asks for it."""

    person_id: UUID
    transfer_id: UUID
    leaf: int


def record_entry_export(session: Session, at: Installation, actor: Actor, *, reference: str) -> EntriesTaken:
    """Record that the actor takes away what the log says of a transfer; raises NotFound, PermissionRefused."""
    transfer = find_own_transfer(session, actor, reference=reference, permission=Permission.ENTRIES_EXPORT)
    position = record(
        session, at, actor, Event.AUDIT_EXPORTED, basis=Basis.ROLE, subject=transfer.id, transfer=transfer.id
    )
    return EntriesTaken(actor.person_id, transfer.id, position.idx)


def export_entries(
    session: Session, actor: Actor, *, taken: EntriesTaken, reference: str, policy: str = ""
) -> EntryExport:
    """Compose the proof of each entry that the timeline of the actor's school tells, as leaves alone.

    These are the acts of its own people and the steps that both schools of a dispatch see, never what another school
    did for itself; all stand on the newest checkpoint that enough witnesses of the `policy` have seen. Raises NotFound,
    also where the taking was recorded for somebody or something else.
    """
    transfer = find_own_transfer(session, actor, reference=reference, permission=Permission.ENTRIES_EXPORT)
    if (taken.person_id, taken.transfer_id) != (actor.person_id, transfer.id):
        raise NotFound("transfer")
    indexes = [leaf.idx for leaf in list_told_leaves(session, actor, transfer)]
    return prove_entries(session, indexes, policy=parse_policy(policy) if policy else None)
