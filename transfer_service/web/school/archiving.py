"""The whole file as one archive, named by the reference: notes as PDF and text, originals, the list of contents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from flask import Blueprint, current_app
from werkzeug.wrappers import Response

from transfer_service.domain.calendars import local_day
from transfer_service.domain.dates import say_date
from transfer_service.domain.errors import NotFound
from transfer_service.domain.notes import NOTE_CATEGORY_LABELS, WHY_SHARED_LABELS
from transfer_service.domain.permissions import Permission
from transfer_service.reports.archive import Original, archive_name, build_archive
from transfer_service.reports.facts import PersonFacts
from transfer_service.reports.notes import (
    AttachmentFacts,
    NoteFacts,
    NotesFacts,
    PupilFacts,
    WithheldFacts,
    notes_pdf,
    notes_text,
)
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.downloading import ArchiveFacts, prepare_archive, record_archive
from transfer_service.use_cases.transfers.texts import Note
from transfer_service.use_cases.transfers.viewing import find_dispatch
from transfer_service.web import access
from transfer_service.web.school.acting import acting, read_number, read_reference
from transfer_service.web.school.contents import say_withheld
from transfer_service.web.school.receipts import school_facts
from transfer_service.web.school.receiving import send_download
from transfer_service.web.sessions import signed_in
from transfer_service.web.turns import Turns

blueprint = Blueprint("school_archiving", __name__)
ARCHIVES: Final = "transfer_service_archives"
"""Where the composition root keeps the `Turns` of a process for whole files."""


@blueprint.post("/transfers/<reference>/archive")
@access.requires(Permission.NOTES_DOWNLOAD)
def archive(reference: str) -> Response:
    """Hand out the whole file, once the leaf of it is committed: what the statement of filing rests on.

    The password is asked for again: from here on nobody knows who reads it.
    """
    known, me = read_reference(reference), acting()
    with me.database.reading() as session:
        check_password_is_recent(session, me.at, me.actor)
    return cast(Turns, current_app.extensions[ARCHIVES]).answer(lambda: _make_archive(known))


def _make_archive(known: str) -> Response:
    me = acting()
    with me.database.reading() as session:
        prepared = prepare_archive(
            session,
            me.at,
            me.actor,
            dispatch_id=find_dispatch(session, me.actor, reference=known, number=read_number()),
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
        )
    with me.database.writing() as session:
        facts = record_archive(session, me.at, me.actor, prepared)
        shown = [facts.sending_school, facts.receiving_school, *facts.contents.sealed_by.values()]
        schools = show_schools(session, shown)
    notes = _notes(facts, schools, now=me.at.now())
    body = build_archive(
        reference=known,
        notes_pdf=notes_pdf(notes),
        notes_text=notes_text(notes),
        originals=[
            Original(part.name, part.body)
            for part in facts.contents.attachments
            if part.name is not None and part.body is not None
        ],
        manifest_text=facts.manifest_text,
    )
    return send_download(body, name=archive_name(known), media_type="application/zip")


def _notes(facts: ArchiveFacts, schools: Mapping[UUID, SchoolShown], *, now: datetime) -> NotesFacts:
    sending, receiving = schools[facts.sending_school.id], schools[facts.receiving_school.id]
    pupil = facts.contents.pupil
    person = signed_in()
    if pupil is None or person is None or facts.sent_at is None:
        raise NotFound("file")
    return NotesFacts(
        reference=facts.contents.reference,
        pupil=PupilFacts(pupil.forename, pupil.surname, pupil.date_of_birth, pupil.upn),
        sending_school=school_facts(sending),
        receiving_school=school_facts(receiving),
        sent_by=PersonFacts(facts.sent_by or "A safeguarding lead", sending.name),
        sent_at=facts.sent_at,
        notes=tuple(
            _note(
                part.note,
                sealer=schools[part.sealed_by or sending.id],
                sending=sending,
                sent_at=facts.sent_at,
                sealed_at=part.sealed_at or facts.sent_at,
            )
            for part in facts.contents.notes
            if part.note is not None
        ),
        attachments=tuple(
            AttachmentFacts(part.name, len(part.body))
            for part in facts.contents.attachments
            if part.name is not None and part.body is not None
        ),
        withheld=tuple(
            WithheldFacts(part.remark.words, say_withheld(part.remark.reason))
            for part in facts.contents.remarks
            if part.remark is not None
        ),
        made_by=PersonFacts(person.person_name, person.role_label),
        made_at=now,
    )


def _note(
    note: Note, *, sealer: SchoolShown, sending: SchoolShown, sent_at: datetime, sealed_at: datetime
) -> NoteFacts:
    reasons = [WHY_SHARED_LABELS[reason] for reason in note.why_shared]
    forwarded = "" if sealer.id == sending.id else f", forwarded by {sending.line}"
    return NoteFacts(
        category=NOTE_CATEGORY_LABELS[note.category],
        dated_on=note.dated_on,
        text=note.text,
        why_shared=". ".join(part for part in (*reasons, note.why_shared_words) if part),
        written_by=PersonFacts(note.written_by or "A safeguarding lead", sealer.name),
        written_at=sealed_at,
        provenance=f"Sealed by {sealer.line}{forwarded} and sent on {say_date(local_day(sent_at))}",
    )
