"""A transfer's entries of the log, each with the proof that it stands there, for an auditor to check elsewhere.

The proofs carry the entries without what stands beside them, which may name people: what was committed to can still
be checked by whoever has it. Nothing here can open a note (tests/architecture).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.audit.entry_proofs import EntryExport, prove_entries
from transfer_service.audit.policy import parse_policy
from transfer_service.db.queries import log as queries
from transfer_service.db.queries import oversight_lists
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look


def record_entry_export(session: Session, at: Installation, actor: Actor, *, reference: str) -> Look:
    """Record that the actor takes a transfer's entries away; raises NotFound, PermissionRefused."""
    transfer = oversight_lists.get_transfer(session, reference=reference, authority_id=authority_of(actor))
    return record_look(
        session,
        at,
        actor,
        Event.AUDIT_EXPORTED,
        permission=Permission.AUDIT_READ,
        subject=transfer.id,
        transfer=transfer.id,
    )


def export_entries(session: Session, actor: Actor, *, look: Look, reference: str, policy: str = "") -> EntryExport:
    """Compose the proof of each entry about a transfer that was left at the authority or its schools.

    All stand on the newest checkpoint that enough witnesses of the `policy` have seen, so that they are of one tree. Of
    schools of another authority there are none: an entry says who acted, and that is for their own authority. Raises
    NotFound.
    """
    authority_id = authority_of(actor)
    transfer = oversight_lists.get_transfer(session, reference=reference, authority_id=authority_id)
    check_look(look, actor, Event.AUDIT_EXPORTED, subject=transfer.id)
    own = {authority_id, *queries.list_school_ids(session, authority_id)}
    indexes = [row.idx for row in queries.list_story(session, transfer.id) if row.org is None or row.org in own]
    return prove_entries(session, indexes, policy=parse_policy(policy) if policy else None)
