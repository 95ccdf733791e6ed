"""The authority's figures and lists as tables to take away; each leaves its leaf before a byte is given."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from transfer_service.domain.calendars import local_day
from transfer_service.domain.compliance import OUTCOME_LABELS, REASON_LABELS, Outcome
from transfer_service.domain.deadlines import BAND_LABELS, Band
from transfer_service.domain.events import Event
from transfer_service.domain.oversight import PeriodChoice, SchoolOrder
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.domain.transfer import DISPATCH_KIND_LABELS, STATUS_LABELS, TRANSFER_KIND_LABELS
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.compliance import SchoolFigures, list_figures, order_schools
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look
from transfer_service.use_cases.oversight.school_exchange import Line, Listing, list_lines
from transfer_service.use_cases.oversight.scope import get_own_school
from transfer_service.use_cases.tables import Table

MOST_LINES = 20_000
"""Dispatches in one file: above what a school sends in twenty years."""

_BANDS = (Band.ON_TIME, Band.LATE, Band.NOT_DUE, Band.OVERDUE, Band.NEVER)
_OUTCOMES = (
    Outcome.FILE_RECEIVED,
    Outcome.NIL_DECLARED,
    Outcome.SENT,
    Outcome.WAITING,
    Outcome.NOTHING_SENT,
    Outcome.SENT_BACK,
    Outcome.WITHDRAWN,
)


def look_to_export(session: Session, at: Installation, actor: Actor, *, urn: str | None) -> Look:
    """Record that the actor takes away the figures, or with `urn` the list of one school; raises NotFound."""
    subject = get_own_school(session, actor, urn=urn).id if urn else authority_of(actor)
    return record_look(
        session, at, actor, Event.COMPLIANCE_EXPORTED, permission=Permission.COMPLIANCE_READ, subject=subject
    )


def export_figures(
    session: Session, at: Installation, actor: Actor, *, look: Look, period: PeriodChoice, order: SchoolOrder
) -> Table:
    """Return the figures of every school of the authority."""
    check_look(look, actor, Event.COMPLIANCE_EXPORTED, subject=authority_of(actor))
    schools = order_schools(list_figures(session, at, actor, period=period), order)
    headings = (
        "URN",
        "School",
        "Town",
        "Overdue in all",
        "Longest overdue in days",
        *(f"Sending: {BAND_LABELS[band].lower()}" for band in _BANDS),
        *(f"Acknowledging: {BAND_LABELS[band].lower()}" for band in _BANDS),
        *(OUTCOME_LABELS[outcome] for outcome in _OUTCOMES),
        "Share of nil declarations in percent",
        "Files waiting for the school’s key",
        "People who hold the school’s key",
    )
    name = f"compliance-{local_day(at.now()).isoformat()}"
    return Table(name, headings, tuple(_figures_row(one) for one in schools))


def export_school(session: Session, at: Installation, actor: Actor, *, look: Look, urn: str, listing: Listing) -> Table:
    """Return what the list of one school shows, all pages of it; raises NotFound."""
    school = get_own_school(session, actor, urn=urn)
    check_look(look, actor, Event.COMPLIANCE_EXPORTED, subject=school.id)
    lines, _ = list_lines(session, at, actor, school_id=school.id, listing=listing, length=MOST_LINES)
    headings = (
        "Reference",
        "Dispatch",
        "Initials",
        "Year of birth",
        "Kind of move",
        "What was sent",
        "State",
        "Sending school",
        "Receiving school",
        "Left on",
        "Due to be sent by",
        "Sent on",
        "Sending",
        "Due to be acknowledged by",
        "Opened on",
        "Acknowledged on",
        "Acknowledging",
        "Why it has not ended",
        "Other authority",
    )
    name = f"school-{school.urn}-{listing.box.value}-{local_day(at.now()).isoformat()}"
    return Table(name, headings, tuple(_line_row(line) for line in lines))


def _figures_row(one: SchoolFigures) -> tuple[str | int | date | None, ...]:
    return (
        one.urn,
        one.name,
        one.town,
        one.overdue,
        one.longest_overdue,
        *(one.summary.sender[band] for band in _BANDS),
        *(one.summary.receiver[band] for band in _BANDS),
        *(one.summary.outcomes[outcome] for outcome in _OUTCOMES),
        one.nil_percent,
        one.waiting_for_key,
        one.key_holders,
    )


def _line_row(line: Line) -> tuple[str | int | date | None, ...]:
    return (
        line.reference,
        line.number,
        line.initials,
        line.born_in,
        TRANSFER_KIND_LABELS[line.transfer_kind],
        DISPATCH_KIND_LABELS[line.kind],
        STATUS_LABELS[line.status],
        f"{line.sending_name}, {line.sending_place}",
        f"{line.receiving_name}, {line.receiving_place}",
        line.leaving_on,
        line.due_on,
        line.sent_on,
        BAND_LABELS[line.sender] if line.sender else None,
        line.receiver_due_on,
        line.opened_on,
        line.acknowledged_on,
        BAND_LABELS[line.receiver] if line.receiver else None,
        REASON_LABELS[line.reason] if line.reason else None,
        line.overseen_by,
    )
