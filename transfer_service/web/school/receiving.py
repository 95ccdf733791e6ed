"""The receiving school's way into a file: the cover sheet, opening, the contents, an attachment, the archive."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from schemas.school_pages import OpenSchema
from transfer_service.domain.calendars import local_day
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.notes import (
    NOTE_CATEGORY_LABELS,
    WHY_SHARED_LABELS,
    WITHHELD_REASON_LABELS,
    size_bucket_label,
)
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.statements import NIL_ACKNOWLEDGEMENT, PUPIL_CONFIRMATION, STATEMENTS
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS, DispatchKind, Side, Status, TransferKind
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.covers import CoverShown, show_cover
from transfer_service.use_cases.transfers.downloading import prepare_download, record_download
from transfer_service.use_cases.transfers.opening import prepare_opening, record_opening
from transfer_service.use_cases.transfers.reading import Contents
from transfer_service.use_cases.transfers.viewing import find_dispatch
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, submit
from transfer_service.web.school.acting import acting, read_reference, transfer_path
from transfer_service.web.school.contents import by_category, by_date, read_contents, say_withheld
from transfer_service.web.school.transfers import get_asked, get_view
from transfer_service.web.school.words import due_tag

blueprint = Blueprint("school_receiving", __name__)


@blueprint.get("/transfers/<reference>/cover")
@access.requires(Permission.COVER_READ)
def cover(reference: str) -> str:
    """Show who the child is. The showing is in the log before the page leaves."""
    return _cover_page(read_reference(reference), Form())


@blueprint.post("/transfers/<reference>/open")
@access.requires(Permission.NOTES_OPEN)
def open_file(reference: str) -> Response | tuple[str, int]:
    """Open the file: everything is decrypted and verified, the opening is recorded, and a page shows it."""
    me = acting()
    known = read_reference(reference)
    submitted = submit(OpenSchema, request.form)
    if submitted.value is None:
        return _cover_page(known, submitted.form), 422
    with me.database.reading() as session:
        prepared = prepare_opening(
            session,
            me.at,
            me.actor,
            dispatch_id=find_dispatch(session, me.actor, reference=known),
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
        )
    with me.database.writing() as session:
        outcome = record_opening(
            session, me.at, me.actor, prepared, confirmation_version=submitted.value.statement_version
        )
    if not outcome.has_opened:
        said = list(dict.fromkeys(failure.sentence for failure in outcome.failures))
        return _cover_page(known, Form().with_errors({"": said or ["There is nothing in this file."]})), 409
    return see_other(transfer_path(known, "contents"))


@blueprint.get("/transfers/<reference>/contents")
@access.requires(Permission.NOTES_OPEN)
def contents(reference: str) -> str:
    """Show the contents, to the school that opened them or that sent them."""
    me = acting()
    view = get_view(reference)
    dispatch = get_asked(view)
    found = read_contents(dispatch.dispatch_id)
    with me.database.reading() as session:
        schools = show_schools(session, [view.sending_school, *found.sealed_by.values()])
    is_receiver = view.side is Side.RECEIVING
    is_chronology = request.args.get("order") == "date"
    return render_template(
        "school/contents.html",
        view=view,
        dispatch=dispatch,
        contents=found,
        groups=by_date(found) if is_chronology else by_category(found),
        is_chronology=is_chronology,
        category_labels=NOTE_CATEGORY_LABELS,
        attachments=[part for part in found.attachments if part.failure is None],
        damaged=[part for part in found.parts if part.failure is not None],
        sending_school=schools[view.sending_school.id],
        sealers=schools,
        why=WHY_SHARED_LABELS,
        say_withheld=say_withheld,
        size=size_bucket_label,
        may_acknowledge=is_receiver and dispatch.status is Status.OPENED,
        is_receiver=is_receiver,
    )


@blueprint.get("/transfers/<reference>/attachments/<uuid:item_id>")
@access.requires(Permission.NOTES_DOWNLOAD)
def attachment(reference: str, item_id: UUID) -> Response:
    """Hand out one attachment as it was uploaded, once the leaf of it is committed."""
    me = acting()
    dispatch = get_asked(get_view(reference))
    with me.database.reading() as session:
        prepared = prepare_download(
            session,
            me.at,
            me.actor,
            dispatch_id=dispatch.dispatch_id,
            item_id=item_id,
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
        )
    with me.database.writing() as session:
        file = record_download(session, me.at, me.actor, prepared)
    if file is None:
        raise _failure(prepared.contents)
    return send_download(file.body, name=file.name, media_type=file.media_type)


def send_download(body: bytes, *, name: str, media_type: str) -> Response:
    """One body of bytes to be saved, never shown in the page's place: what is in it is somebody else's."""
    response = make_response(body)
    response.headers.set("Content-Type", media_type)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _cover_page(reference: str, form: Form) -> str:
    me = acting()
    with me.database.writing() as session:
        shown = show_cover(
            session,
            me.at,
            me.actor,
            dispatch_id=find_dispatch(session, me.actor, reference=reference),
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
        )
        first = [shown.provenance.school] if shown.provenance else []
        schools = show_schools(session, [shown.sending_school, *first])
    is_nil = shown.kind is DispatchKind.NIL
    declared = STATEMENTS.get(shown.statement_version or "")
    return render_template(
        "school/cover.html",
        form=form,
        shown=shown,
        sending_school=schools[shown.sending_school.id],
        first_school=schools[shown.provenance.school.id] if shown.provenance else None,
        is_nil=is_nil,
        kind=TRANSFER_KIND_LABELS[TransferKind(shown.cover.kind)] if shown.cover else "",
        declaration=declared.text if declared else "",
        statement=NIL_ACKNOWLEDGEMENT if is_nil else PUPIL_CONFIRMATION,
        withheld=[WITHHELD_REASON_LABELS[reason] for reason in shown.withheld],
        tag=_due(shown, me.at.now()),
        can_send_back=can(me.actor, Permission.DISPATCH_SEND_BACK),
        is_open=shown.status is not Status.SENT,
    )


def _due(shown: CoverShown, now: datetime) -> tuple[str, str]:
    done = local_day(now) if shown.status is Status.ACKNOWLEDGED else None
    return due_tag(shown.receiver_due_on, done, today=local_day(now))


def _failure(contents: Contents) -> CannotOpen:
    parts: tuple[Any, ...] = contents.attachments
    found = contents.failure or next(part.failure for part in parts if part.failure is not None)
    return CannotOpen(found.reason, found.who_can_help)
