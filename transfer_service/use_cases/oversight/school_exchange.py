"""One school's dispatches for its authority: a pupil is a reference, initials and a year of birth, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import Transfer
from transfer_service.db.queries import oversight_lists as queries
from transfer_service.db.queries.oversight_lists import DispatchRow, Place
from transfer_service.domain import permissions
from transfer_service.domain.calendars import local_day
from transfer_service.domain.compliance import Outcome, Reason
from transfer_service.domain.deadlines import Band
from transfer_service.domain.errors import Invalid
from transfer_service.domain.events import NAME_SHOWING_BASES, Basis, Event
from transfer_service.domain.oversight import PAGE_LENGTH, Box, DispatchShow, PeriodChoice
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.domain.transfer import DispatchKind, Status, TransferKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.compliance import SchoolFigures, list_figures
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look
from transfer_service.use_cases.oversight.scope import get_own_school
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.transfers.pupils import open_pupil


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One dispatch as the authority sees it.

    The clock of a school of another authority is that authority's business: `sender` or `receiver` is None then, and
    `overseen_by` names who watches it. `initials` is empty where the pupil's columns cannot be read.
    """

    reference: str
    number: int
    transfer_kind: TransferKind
    kind: DispatchKind
    status: Status
    outcome: Outcome
    urgent: bool
    initials: str
    born_in: int | None
    sending_name: str
    sending_place: str
    sending_telephone: str
    receiving_name: str
    receiving_place: str
    receiving_telephone: str
    leaving_on: date
    due_on: date | None
    sent_on: date | None
    sender: Band | None
    receiver_due_on: date | None
    opened_on: date | None
    acknowledged_on: date | None
    receiver: Band | None
    reason: Reason | None
    overseen_by: str | None
    after: str
    """Where a page that follows this line starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a school's page was asked for; `after` is the `after` of the last line of the page before."""

    box: Box = Box.SENT
    show: DispatchShow = DispatchShow.OPEN
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolExchange:
    """A school with its figures and one page of its dispatches; `next_after` is None on the last page."""

    figures: SchoolFigures
    telephone: str
    lines: tuple[Line, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStanding:
    """One transfer with all its dispatches, as the authority sees it."""

    reference: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PupilName:
    """The name behind a reference, shown once for a reason that stands in the log."""

    reference: str
    forename: str
    surname: str
    basis: Basis

    def __repr__(self) -> str:
        """Show nothing: this names a child."""
        return "PupilName(redacted)"


def look_at_school(session: Session, at: Installation, actor: Actor, *, urn: str) -> Look:
    """Record that the actor lists a school's dispatches; raises NotFound, PermissionRefused."""
    school = get_own_school(session, actor, urn=urn)
    return record_look(
        session, at, actor, Event.TRANSFERS_LISTED, permission=Permission.COMPLIANCE_READ, subject=school.id
    )


def get_school_exchange(
    session: Session, at: Installation, actor: Actor, *, look: Look, urn: str, listing: Listing
) -> SchoolExchange:
    """Return a school's figures and one page of its dispatches. Raises NotFound, Invalid for a page that is none."""
    school = get_own_school(session, actor, urn=urn)
    check_look(look, actor, Event.TRANSFERS_LISTED, subject=school.id)
    lines, next_after = list_lines(session, at, actor, school_id=school.id, listing=listing, length=PAGE_LENGTH)
    figures = list_figures(session, at, actor, period=PeriodChoice.EVERYTHING, school=school)
    return SchoolExchange(figures=figures[0], telephone=school.telephone, lines=tuple(lines), next_after=next_after)


def look_at_transfer(session: Session, at: Installation, actor: Actor, *, reference: str) -> Look:
    """Record that the actor looks at one transfer's standing; raises NotFound, PermissionRefused."""
    transfer = queries.get_transfer(session, reference=reference, authority_id=authority_of(actor))
    return record_look(
        session,
        at,
        actor,
        Event.TRANSFERS_LISTED,
        permission=Permission.COMPLIANCE_READ,
        subject=transfer.id,
        transfer=transfer.id,
    )


def get_transfer_standing(
    session: Session, at: Installation, actor: Actor, *, look: Look, reference: str
) -> TransferStanding:
    """Return every dispatch of one transfer that the actor's authority has a half of; raises NotFound."""
    authority_id = authority_of(actor)
    transfer = queries.get_transfer(session, reference=reference, authority_id=authority_id)
    check_look(look, actor, Event.TRANSFERS_LISTED, subject=transfer.id)
    rows = [
        row
        for row in queries.list_dispatches_of(session, transfer_id=transfer.id, today=local_day(at.now()))
        if row.sending.authority_id == authority_id
        or (row.receiving.authority_id == authority_id and row.dispatch.status is not Status.DRAFT)
    ]
    return TransferStanding(reference=transfer.reference, lines=tuple(tell_lines(session, at, actor, rows)))


def find_reference(session: Session, actor: Actor, *, reference: str) -> str:
    """Return the reference of a transfer that the actor's authority sees, or raise NotFound."""
    return queries.get_transfer(session, reference=reference, authority_id=authority_of(actor)).reference


def show_pupil_name(session: Session, at: Installation, actor: Actor, *, reference: str, basis: Basis) -> PupilName:
    """Show the name behind a reference, for a reason from the list; the leaf is written in the same transaction.

    Show what this returns only after the commit. Raises NotFound, PermissionRefused, Invalid for another reason, and
    crypto's CannotOpen where the pupil's columns were changed.
    """
    transfer = queries.get_transfer(session, reference=reference, authority_id=authority_of(actor))
    permissions.check(actor, Permission.PUPIL_NAME_SHOW)
    if basis not in NAME_SHOWING_BASES:
        raise Invalid({"basis": ["Choose why you need to see the name"]})
    pupil = open_pupil(at, transfer)
    record(
        session,
        at,
        actor,
        Event.PUPIL_NAME_SHOWN,
        basis=basis,
        subject=transfer.id,
        transfer=transfer.id,
    )
    return PupilName(reference=transfer.reference, forename=pupil.forename, surname=pupil.surname, basis=basis)


def list_lines(
    session: Session, at: Installation, actor: Actor, *, school_id: UUID, listing: Listing, length: int
) -> tuple[list[Line], str | None]:
    """Return so many dispatches of a school, and where the next page starts. The caller has checked the look."""
    rows = queries.list_dispatches(
        session,
        school_id=school_id,
        box=listing.box,
        show=listing.show,
        today=local_day(at.now()),
        after=read_place(listing.after),
        limit=length + 1,
    )
    lines = tell_lines(session, at, actor, rows[:length])
    return lines, lines[-1].after if len(rows) > length else None


def tell_lines(session: Session, at: Installation, actor: Actor, rows: Sequence[DispatchRow]) -> list[Line]:
    """Say of some dispatches what the actor's authority may know. The caller has checked the look."""
    own = authority_of(actor)
    others = {
        school.authority_id for row in rows for school in (row.sending, row.receiving) if school.authority_id != own
    }
    names = queries.list_authority_names(session, tuple(others)) if others else {}
    return [_line(at, row, own, names) for row in rows]


def _line(at: Installation, row: DispatchRow, own: UUID, names: dict[UUID, str]) -> Line:
    dispatch, transfer = row.dispatch, row.transfer
    initials, born_in = _say_pupil(at, transfer)
    sends_here, receives_here = row.sending.authority_id == own, row.receiving.authority_id == own
    other = None if sends_here and receives_here else row.receiving if sends_here else row.sending
    return Line(
        reference=transfer.reference,
        number=dispatch.number,
        transfer_kind=transfer.kind,
        kind=dispatch.kind,
        status=dispatch.status,
        outcome=row.outcome,
        urgent=dispatch.urgent,
        initials=initials,
        born_in=born_in,
        sending_name=row.sending.name,
        sending_place=f"{row.sending.town}, URN {row.sending.urn}",
        sending_telephone=row.sending.telephone,
        receiving_name=row.receiving.name,
        receiving_place=f"{row.receiving.town}, URN {row.receiving.urn}",
        receiving_telephone=row.receiving.telephone,
        leaving_on=transfer.leaving_on,
        due_on=dispatch.due_on if sends_here else None,
        sent_on=local_day(dispatch.sent_at) if dispatch.sent_at else None,
        sender=row.sender if sends_here else None,
        receiver_due_on=dispatch.receiver_due_on if receives_here else None,
        opened_on=local_day(dispatch.opened_at) if dispatch.opened_at else None,
        acknowledged_on=local_day(dispatch.acknowledged_at) if dispatch.acknowledged_at else None,
        receiver=row.receiver if receives_here else None,
        reason=row.reason,
        overseen_by=names.get(other.authority_id) if other is not None else None,
        after=f"{row.day.isoformat()}.{dispatch.id.hex}",
    )


def _say_pupil(at: Installation, transfer: Transfer) -> tuple[str, int | None]:
    """Initials and year of birth; nothing where the columns cannot be read, so that one row never breaks a page."""
    try:
        pupil = open_pupil(at, transfer)
    except (CryptoError, ValueError):
        return "", None
    return pupil.initials, pupil.date_of_birth.year


def read_place(after: str | None) -> Place | None:
    """Read where a page starts; raises Invalid for an address that no page of ours has."""
    if after is None:
        return None
    day, _, dispatch_id = after.partition(".")
    try:
        return Place(date.fromisoformat(day), UUID(hex=dispatch_id))
    except ValueError:
        raise Invalid({"after": ["This page of the list does not exist. Go back to the first page"]}) from None
