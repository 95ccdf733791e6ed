"""What people of the demonstration do to a file, each through the use case that the pages call."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from transfer_service.demo.enrolling import Member, Stage
from transfer_service.domain.notes import NoteCategory, WhyShared
from transfer_service.domain.statements import (
    ACKNOWLEDGEMENT,
    NIL_ACKNOWLEDGEMENT,
    NIL_DECLARATION,
    PUPIL_CONFIRMATION,
)
from transfer_service.domain.transfer import RejectionReason, TransferKind
from transfer_service.use_cases.transfers import (
    acknowledging,
    attaching,
    covers,
    drafting,
    moves,
    opening,
    redirecting,
    returning,
    sending,
)
from transfer_service.use_cases.transfers import notes as noting
from transfer_service.use_cases.transfers.pupils import Pupil
from transfer_service.use_cases.transfers.texts import Note


def record_move(
    stage: Stage,
    who: Member,
    *,
    pupil: Pupil,
    receiving_school_id: UUID,
    leaving_on: date,
    starts_on: date | None = None,
    urgent: bool = False,
) -> UUID:
    """Record that a pupil leaves; a move with a first day of term is one of a whole year group."""
    with stage.database.writing() as session:
        dispatch = drafting.create_transfer(
            session,
            stage.at,
            who.actor,
            pupil=pupil,
            kind=TransferKind.PHASE if starts_on else TransferKind.IN_YEAR,
            dates=moves.MoveDates(leaving_on=leaving_on, starts_on=starts_on),
            receiving_school_id=receiving_school_id,
            urgent=urgent,
        )
        return dispatch.id


def write_note(stage: Stage, who: Member, dispatch_id: UUID, *, category: NoteCategory, text: str) -> None:
    """Seal a note of today."""
    note = Note(
        category=category,
        dated_on=stage.clock().date(),
        text=text,
        why_shared=(WhyShared.STATUTORY_GUIDANCE, WhyShared.SAFEGUARD_CHILD),
    )
    with stage.database.writing() as session:
        noting.seal_note(session, stage.at, who.actor, dispatch_id=dispatch_id, note=note)


def attach(stage: Stage, who: Member, dispatch_id: UUID, *, name: str, body: bytes) -> None:
    """Seal a paper as it arrives."""
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, who.actor, dispatch_id=dispatch_id)
    upload = attaching.seal_upload(stage.at, stage.equipment.storage, plan, name=name, chunks=[body])
    with stage.database.writing() as session:
        attaching.finish_attachment(session, stage.at, who.actor, upload)


def send(stage: Stage, who: Member, dispatch_id: UUID) -> None:
    """Send the file; it waits where the receiving school has no key."""
    with stage.database.writing() as session:
        sending.send_dispatch(
            session,
            stage.at,
            who.actor,
            dispatch_id=dispatch_id,
            person_key=who.person_key,
            storage=stage.equipment.storage,
        )


def declare_nil(stage: Stage, who: Member, dispatch_id: UUID) -> None:
    """Declare that the school holds nothing on this pupil."""
    with stage.database.writing() as session:
        sending.declare_nil(
            session,
            stage.at,
            who.actor,
            dispatch_id=dispatch_id,
            person_key=who.person_key,
            storage=stage.equipment.storage,
            statement_version=NIL_DECLARATION.version,
        )


def look_at_cover(stage: Stage, who: Member, dispatch_id: UUID) -> None:
    """Look at the cover sheet."""
    with stage.database.writing() as session:
        covers.show_cover(
            session,
            stage.at,
            who.actor,
            dispatch_id=dispatch_id,
            person_key=who.person_key,
            storage=stage.equipment.storage,
        )


def open_file(stage: Stage, who: Member, dispatch_id: UUID) -> None:
    """Confirm that the pupil joins, and open the file."""
    look_at_cover(stage, who, dispatch_id)
    storage = stage.equipment.storage
    with stage.database.reading() as session:
        prepared = opening.prepare_opening(
            session, stage.at, who.actor, dispatch_id=dispatch_id, person_key=who.person_key, storage=storage
        )
    with stage.database.writing() as session:
        opening.record_opening(session, stage.at, who.actor, prepared, confirmation_version=PUPIL_CONFIRMATION.version)


def acknowledge(stage: Stage, who: Member, dispatch_id: UUID, *, nil: bool = False) -> None:
    """Sign that it was received."""
    statement = NIL_ACKNOWLEDGEMENT if nil else ACKNOWLEDGEMENT
    with stage.database.writing() as session:
        acknowledging.acknowledge(
            session,
            stage.at,
            who.actor,
            dispatch_id=dispatch_id,
            person_key=who.person_key,
            storage=stage.equipment.storage,
            statement_version=statement.version,
            senco_told=True,
            key_staff_told=True,
        )


def send_back(stage: Stage, who: Member, dispatch_id: UUID, *, reason: RejectionReason, words: str) -> None:
    """Send it back, saying why."""
    with stage.database.writing() as session:
        returning.send_back(session, stage.at, who.actor, dispatch_id=dispatch_id, reason=reason, words=words)


def withdraw(stage: Stage, who: Member, dispatch_id: UUID) -> None:
    """Take it back before it was opened."""
    with stage.database.writing() as session:
        returning.withdraw(session, stage.at, who.actor, dispatch_id=dispatch_id)


def redirect(stage: Stage, who: Member, dispatch_id: UUID, *, receiving_school_id: UUID) -> UUID:
    """Send the same sealed items to another school."""
    with stage.database.writing() as session:
        sent = redirecting.redirect(
            session,
            stage.at,
            who.actor,
            dispatch_id=dispatch_id,
            receiving_school_id=receiving_school_id,
            person_key=who.person_key,
            storage=stage.equipment.storage,
        )
    return sent.dispatch_id
