"""The sending school's record of a file that was opened at the wrong school: who saw it, what to do, by when."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.db.models import Breach, Dispatch, Person
from transfer_service.db.queries import transfer_page
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.breaches import BreachStep
from transfer_service.domain.errors import AlreadyDone, NotFound
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, school_of
from transfer_service.domain.transfer import RejectionReason, Side
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.leaves import leaf_of, list_logged

SEEN: Mapping[Event, str] = MappingProxyType(
    {
        Event.COVER_SHOWN: "saw the cover sheet",
        Event.DISPATCH_OPENED: "opened the file",
        Event.NOTES_READ: "read the contents",
        Event.ATTACHMENT_DOWNLOADED: "downloaded an attachment",
        Event.ARCHIVE_DOWNLOADED: "downloaded the whole file",
    }
)
"""What the log tells the sending school of the other school's people, since a breach must be judged."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """When a step was ticked off, and by whom."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachView:
    """A breach record: `seen` tells when, who and what at the other school, in the order of the log."""

    reference: str
    number: int
    dispatch_id: UUID
    known_at: datetime
    report_by: datetime
    closed_at: datetime | None
    reason: RejectionReason | None
    other_school: SchoolShown
    seen: tuple[tuple[datetime, str, str], ...]
    ticked: Mapping[BreachStep, Ticked]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBreach:
    """A breach record that is not closed: which dispatch it is about, until when, and how many steps are left."""

    reference: str
    number: int
    report_by: datetime
    left: int


def list_open_breaches(session: Session, actor: Actor) -> list[OpenBreach]:
    """List what the actor's school has still to deal with, the most pressing first; raises PermissionRefused."""
    permissions.check(actor, Permission.BREACH_READ)
    return [
        OpenBreach(
            reference=reference,
            number=number,
            report_by=breach.report_by,
            left=len(BreachStep) - len(breach.checklist or {}),
        )
        for breach, number, reference in transfer_page.list_open_breaches(session, school_id=school_of(actor))
    ]


def get_breach(session: Session, actor: Actor, *, reference: str, number: int | None = None) -> BreachView:
    """Return the breach record of a dispatch of the actor's school; raises NotFound, PermissionRefused.

    The head teacher sees it too, who is alerted and answers for the school's data; ticking off is the leads' part.
    """
    dispatch, breach = _get(session, actor, reference=reference, number=number, permission=Permission.BREACH_READ)
    other = show_schools(session, [dispatch.receiving_school])[dispatch.receiving_school_id]
    ticks: Mapping[str, Mapping[str, str]] = breach.checklist or {}
    names = {one: _name(session, UUID(tick["by"])) for one, tick in ticks.items()}
    return BreachView(
        reference=dispatch.transfer.reference,
        number=dispatch.number,
        dispatch_id=dispatch.id,
        known_at=breach.known_at,
        report_by=breach.report_by,
        closed_at=breach.closed_at,
        reason=dispatch.rejection_reason,
        other_school=other,
        seen=_seen(session, dispatch),
        ticked={
            step: Ticked(datetime.fromisoformat(ticks[step.value]["at"]), names[step.value])
            for step in BreachStep
            if step.value in ticks
        },
    )


def tick_breach(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    reference: str,
    number: int | None = None,
    steps: Collection[BreachStep],
) -> bool:
    """Tick steps off; a step once ticked stays. With the last one the record closes: return whether it is closed.

    Raises AlreadyDone where it is closed already.
    """
    dispatch, breach = _get(session, actor, reference=reference, number=number, permission=Permission.BREACH_RECORD)
    if breach.closed_at is not None:
        raise AlreadyDone("tick_breach", "This record is already closed. Nothing was changed.")
    before: Mapping[str, Mapping[str, str]] = breach.checklist or {}
    now = at.now()
    new = [step for step in BreachStep if step in steps and step.value not in before]
    breach.checklist = {
        **before,
        **{step.value: {"at": now.isoformat(), "by": str(actor.person_id)} for step in new},
    }
    is_closed = all(step.value in breach.checklist for step in BreachStep)
    if is_closed:
        breach.closed_at = now
    event = Event.BREACH_CLOSED if is_closed else Event.BREACH_CHANGED
    detail = tell("Steps after a breach were ticked off.", steps=" ".join(step.value for step in new))
    record_all(session, at, [leaf_of(actor, event, dispatch, detail=detail)])
    return is_closed


def _get(
    session: Session, actor: Actor, *, reference: str, number: int | None, permission: Permission
) -> tuple[Dispatch, Breach]:
    school_id = school_of(actor)
    dispatch_id = queries.find_dispatch_id(session, reference=reference, school_id=school_id, number=number)
    if dispatch_id is None:
        raise NotFound("transfer")
    is_change = permission is Permission.BREACH_RECORD
    dispatch = queries.get_dispatch(
        session, dispatch_id=dispatch_id, school_id=school_id, side=Side.SENDING, lock=is_change
    )
    permissions.check(actor, permission)
    breach = session.get(Breach, dispatch.id)
    if breach is None:
        raise NotFound("breach record")
    return dispatch, breach


def _seen(session: Session, dispatch: Dispatch) -> tuple[tuple[datetime, str, str], ...]:
    return tuple(
        (leaf.at, _name(session, leaf.said.actor), SEEN[Event(leaf.said.event)])
        for leaf in list_logged(session, dispatch.transfer_id, SEEN)
        if leaf.said.dispatch == dispatch.id and leaf.said.org == dispatch.receiving_school_id and leaf.said.actor
    )


def _name(session: Session, person_id: UUID) -> str:
    person = session.get(Person, person_id)
    return person.name if person else "somebody whose account is gone"
