"""Transfers in any state, made by calling the use cases in the order in which people do: so each state is reachable.

`setting` has `database`, `at` and `storage`; whoever acts has `actor` and `person_key`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from transfer_service.domain.notes import NoteCategory, WhyShared
from transfer_service.domain.statements import (
    ACKNOWLEDGEMENT,
    NIL_ACKNOWLEDGEMENT,
    NIL_DECLARATION,
    PUPIL_CONFIRMATION,
)
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status, TransferKind
from transfer_service.use_cases.transfers import (
    acknowledging,
    attaching,
    covers,
    drafting,
    forwarding,
    moves,
    notes,
    opening,
    reading,
    returning,
    sending,
)
from transfer_service.use_cases.transfers.pupils import Pupil
from transfer_service.use_cases.transfers.texts import Note

PUPIL = Pupil(forename="Zoë", surname="O'Brien-Łącki", date_of_birth=date(2014, 3, 9), upn="H801200001001")
NOTE_TEXT = "Mum's partner was arrested on Friday; Zoë was collected by her aunt."
PDF = b"%PDF-1.7\n" + b"genogram " * 4000


def a_note(text: str = NOTE_TEXT, category: NoteCategory = NoteCategory.CHILD_PROTECTION_PLAN) -> Note:
    return Note(
        category=category,
        dated_on=date(2026, 9, 3),
        text=text,
        why_shared=(WhyShared.SAFEGUARD_CHILD,),
        why_shared_words="The new school must know who may collect her.",
    )


def empty_draft(setting: Any, sender: Any, receiving_school_id: UUID, *, pupil: Pupil = PUPIL, **more: Any) -> UUID:
    with setting.database.writing() as session:
        dispatch = drafting.create_transfer(
            session,
            setting.at,
            sender.actor,
            pupil=pupil,
            kind=more.pop("kind", TransferKind.IN_YEAR),
            dates=more.pop("dates", moves.MoveDates(leaving_on=date(2026, 9, 4))),
            receiving_school_id=receiving_school_id,
            **more,
        )
        return dispatch.id


def add_note(setting: Any, sender: Any, dispatch_id: UUID, note: Note | None = None) -> UUID:
    with setting.database.writing() as session:
        return notes.seal_note(session, setting.at, sender.actor, dispatch_id=dispatch_id, note=note or a_note())


def add_attachment(
    setting: Any, sender: Any, dispatch_id: UUID, *, name: str = "genogram.pdf", body: bytes = PDF
) -> UUID:
    with setting.database.reading() as session:
        plan = attaching.begin_attachment(session, setting.at, sender.actor, dispatch_id=dispatch_id)
    chunks = (body[start : start + 7000] for start in range(0, len(body), 7000))
    upload = attaching.seal_upload(setting.at, setting.storage, plan, name=name, chunks=chunks)
    with setting.database.writing() as session:
        return attaching.finish_attachment(session, setting.at, sender.actor, upload)


def draft(
    setting: Any, sender: Any, receiving_school_id: UUID, *, attachments: Sequence[str] = (), **more: Any
) -> UUID:
    dispatch_id = empty_draft(setting, sender, receiving_school_id, **more)
    add_note(setting, sender, dispatch_id)
    for name in attachments:
        add_attachment(setting, sender, dispatch_id, name=name)
    return dispatch_id


def send(setting: Any, sender: Any, dispatch_id: UUID) -> sending.Sent:
    with setting.database.writing() as session:
        return sending.send_dispatch(
            session,
            setting.at,
            sender.actor,
            dispatch_id=dispatch_id,
            person_key=sender.person_key,
            storage=setting.storage,
        )


def declare_nil(setting: Any, sender: Any, dispatch_id: UUID) -> sending.Sent:
    with setting.database.writing() as session:
        return sending.declare_nil(
            session,
            setting.at,
            sender.actor,
            dispatch_id=dispatch_id,
            person_key=sender.person_key,
            storage=setting.storage,
            statement_version=NIL_DECLARATION.version,
        )


def show_cover(setting: Any, receiver: Any, dispatch_id: UUID) -> covers.CoverShown:
    with setting.database.writing() as session:
        return covers.show_cover(
            session,
            setting.at,
            receiver.actor,
            dispatch_id=dispatch_id,
            person_key=receiver.person_key,
            storage=setting.storage,
        )


def open_dispatch(setting: Any, receiver: Any, dispatch_id: UUID) -> opening.OpeningOutcome:
    with setting.database.reading() as session:
        prepared = opening.prepare_opening(
            session,
            setting.at,
            receiver.actor,
            dispatch_id=dispatch_id,
            person_key=receiver.person_key,
            storage=setting.storage,
        )
    with setting.database.writing() as session:
        return opening.record_opening(
            session, setting.at, receiver.actor, prepared, confirmation_version=PUPIL_CONFIRMATION.version
        )


def prepared_reading(setting: Any, reader: Any, dispatch_id: UUID, **more: Any) -> reading.PreparedReading:
    with setting.database.reading() as session:
        return reading.prepare_reading(
            session,
            setting.at,
            reader.actor,
            dispatch_id=dispatch_id,
            person_key=reader.person_key,
            storage=setting.storage,
            **more,
        )


def contents(setting: Any, reader: Any, dispatch_id: UUID, **more: Any) -> reading.Contents:
    """What somebody may read, decrypted and not yet recorded as read."""
    return prepared_reading(setting, reader, dispatch_id, **more).contents


def read(setting: Any, reader: Any, dispatch_id: UUID, **more: Any) -> reading.Contents:
    prepared = prepared_reading(setting, reader, dispatch_id, **more)
    with setting.database.writing() as session:
        return reading.record_reading(session, setting.at, reader.actor, prepared)


def forward(setting: Any, holder: Any, dispatch_id: UUID, to: UUID, *, leaving_on: date = date(2026, 9, 4)) -> UUID:
    """What a school received goes on to the next school, as a draft."""
    with setting.database.writing() as session:
        return forwarding.forward_file(
            session,
            setting.at,
            holder.actor,
            dispatch_id=dispatch_id,
            receiving_school_id=to,
            kind=TransferKind.IN_YEAR,
            dates=moves.MoveDates(leaving_on=leaving_on),
            person_key=holder.person_key,
            storage=setting.storage,
        ).id


def acknowledge(setting: Any, receiver: Any, dispatch_id: UUID, *, nil: bool = False) -> acknowledging.Acknowledged:
    with setting.database.writing() as session:
        return acknowledging.acknowledge(
            session,
            setting.at,
            receiver.actor,
            dispatch_id=dispatch_id,
            person_key=receiver.person_key,
            storage=setting.storage,
            statement_version=(NIL_ACKNOWLEDGEMENT if nil else ACKNOWLEDGEMENT).version,
            senco_told=True,
            key_staff_told=False,
        )


def send_back(
    setting: Any,
    receiver: Any,
    dispatch_id: UUID,
    *,
    reason: RejectionReason = RejectionReason.NOT_JOINING,
    words: str = "",
) -> returning.SentBack:
    with setting.database.writing() as session:
        return returning.send_back(
            session, setting.at, receiver.actor, dispatch_id=dispatch_id, reason=reason, words=words
        )


def withdraw(setting: Any, sender: Any, dispatch_id: UUID) -> int:
    with setting.database.writing() as session:
        return returning.withdraw(session, setting.at, sender.actor, dispatch_id=dispatch_id)


def dispatch_in(
    setting: Any,
    status: Status,
    *,
    sender: Any,
    receiver: Any,
    kind: DispatchKind = DispatchKind.FILE,
    keyless_school_id: UUID | None = None,
    **more: Any,
) -> UUID:
    """A dispatch in a state; a file is WAITING for the school of `keyless_school_id`."""
    waits = status is Status.WAITING
    to = keyless_school_id if waits else receiver.actor.organisation_id
    assert to is not None
    if kind is DispatchKind.NIL:
        dispatch_id = empty_draft(setting, sender, to, **more)
        if status is not Status.DRAFT:
            declare_nil(setting, sender, dispatch_id)
    else:
        dispatch_id = draft(setting, sender, to, **more)
        if status is not Status.DRAFT:
            send(setting, sender, dispatch_id)
    if status in (Status.OPENED, Status.ACKNOWLEDGED) and kind is not DispatchKind.NIL:
        open_dispatch(setting, receiver, dispatch_id)
    if status is Status.ACKNOWLEDGED:
        acknowledge(setting, receiver, dispatch_id, nil=kind is DispatchKind.NIL)
    if status is Status.REJECTED:
        send_back(setting, receiver, dispatch_id)
    if status is Status.WITHDRAWN:
        withdraw(setting, sender, dispatch_id)
    return dispatch_id
