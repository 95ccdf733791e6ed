"""The notes of a draft, and what is left out of the file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.dispatches import WithholdSchema
from schemas.school_pages import NoteEntered, NoteEnteredSchema
from transfer_service.domain.errors import Invalid, NotFound
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import (
    NOTE_CATEGORY_LABELS,
    NOTE_TEXT_LIMIT,
    WHY_SHARED_LABELS,
    WITHHELD_REASON_LABELS,
    WithheldReason,
)
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import Side, Status
from transfer_service.use_cases.transfers.notes import edit_note, remove_item, seal_note, set_withheld
from transfer_service.use_cases.transfers.texts import Note, Withheld
from transfer_service.use_cases.transfers.unsealing import Part
from transfer_service.use_cases.transfers.viewing import DispatchView, TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.contents import by_category, read_contents, say_withheld
from transfer_service.web.school.transfers import get_newest

blueprint = Blueprint("school_notes", __name__)
SEALED = declare_notice("note-sealed", "The note is sealed and saved in the draft. Nothing has been sent yet.")
REMOVED = declare_notice("item-removed", "It was removed from the draft.")
LISTED = declare_notice("withheld-listed", "The list of what is left out is saved.")
NOTE = "/transfers/<reference>/notes/<uuid:item_id>"


def get_draft(reference: str) -> tuple[TransferView, DispatchView]:
    """The draft of an address; what was sent already is not edited, its page says what can be done."""
    view, newest = get_newest(reference, side=Side.SENDING)
    if newest.status is not Status.DRAFT:
        raise NotFound("draft")
    return view, newest


@blueprint.get("/transfers/<reference>/notes")
@access.requires(Permission.NOTES_SEAL)
def notes(reference: str) -> str:
    """Show the notes of the draft."""
    view, newest = get_draft(reference)
    contents = read_contents(newest.dispatch_id)
    return render_template(
        "school/draft/notes.html",
        view=view,
        groups=by_category(contents),
        damaged=[part for part in contents.notes if part.failure is not None],
        why=WHY_SHARED_LABELS,
    )


@blueprint.get("/transfers/<reference>/notes/new")
@access.requires(Permission.NOTES_SEAL)
def new_note(reference: str) -> str:
    """Ask for a note."""
    view, _ = get_draft(reference)
    return render_template("school/draft/note.html", form=Form(), **_about_note(view))


@blueprint.post("/transfers/<reference>/notes/new")
@access.requires(Permission.NOTES_SEAL)
def note_written(reference: str) -> Response | tuple[str, int]:
    """Seal the note into the draft."""
    me = acting()
    view, newest = get_draft(reference)
    submitted = submit(NoteEnteredSchema, request.form)
    if submitted.value is None:
        return refused("school/draft/note.html", submitted.form, **_about_note(view))
    try:
        with me.database.writing() as session:
            seal_note(session, me.at, me.actor, dispatch_id=newest.dispatch_id, note=_note(submitted.value))
    except Invalid as refusal:
        return refused("school/draft/note.html", submitted.form.with_errors(refusal.fields), **_about_note(view))
    leave_notice(SEALED)
    return see_other(transfer_path(view.reference, "notes"))


@blueprint.get(NOTE)
@access.requires(Permission.NOTES_SEAL)
def note(reference: str, item_id: UUID) -> str:
    """Show a note, to be edited."""
    view, newest = get_draft(reference)
    part, old = _get_note(newest.dispatch_id, item_id)
    form = filled(
        {
            "category": old.category,
            "dated_on": old.dated_on,
            "text": old.text,
            "why_shared": list(old.why_shared),
            "why_shared_words": old.why_shared_words,
            "revision": part.revision,
        }
    )
    return render_template("school/draft/note.html", form=form, item_id=item_id, **_about_note(view))


@blueprint.post(NOTE)
@access.requires(Permission.NOTES_SEAL)
def note_edited(reference: str, item_id: UUID) -> Response | tuple[str, int]:
    """Seal the note anew."""
    me = acting()
    view, newest = get_draft(reference)
    submitted = submit(NoteEnteredSchema, request.form)
    entered = submitted.value
    context = {"item_id": item_id, **_about_note(view)}
    if entered is None:
        return refused("school/draft/note.html", submitted.form, **context)
    try:
        with me.database.writing() as session:
            edit_note(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                item_id=item_id,
                revision=entered.revision,
                note=_note(entered),
            )
    except Invalid as refusal:
        return refused("school/draft/note.html", submitted.form.with_errors(refusal.fields), **context)
    leave_notice(SEALED)
    return see_other(transfer_path(view.reference, "notes"))


@blueprint.post("/transfers/<reference>/items/<uuid:item_id>/remove")
@access.requires(Permission.NOTES_SEAL)
def remove(reference: str, item_id: UUID) -> Response:
    """Take a note or an attachment out of the draft."""
    me = acting()
    view, newest = get_draft(reference)
    with me.database.writing() as session:
        blob = remove_item(session, me.at, me.actor, dispatch_id=newest.dispatch_id, item_id=item_id)
    if blob is not None:
        me.equipment.storage.delete(blob)
    leave_notice(REMOVED)
    return see_other(transfer_path(view.reference, "attachments" if blob is not None else "notes"))


@blueprint.get("/transfers/<reference>/withheld")
@access.requires(Permission.NOTES_SEAL)
def withheld(reference: str) -> str:
    """Show what is left out, and ask for more."""
    view, newest = get_draft(reference)
    return render_template("school/draft/withheld.html", form=Form(), **_about_withheld(view, newest))


@blueprint.post("/transfers/<reference>/withheld")
@access.requires(Permission.NOTES_SEAL)
def withheld_added(reference: str) -> Response | tuple[str, int]:
    """Add something that is left out, with its reason."""
    view, newest = get_draft(reference)
    submitted = submit(WithholdSchema, request.form)
    added = submitted.value
    if added is None:
        return refused("school/draft/withheld.html", submitted.form, **_about_withheld(view, newest))
    kept = _read_withheld(view, newest)
    _set_withheld(newest.dispatch_id, [*(one for _, one in kept), Withheld(added.reason, added.words)])
    return see_other(transfer_path(view.reference, "withheld"))


@blueprint.post("/transfers/<reference>/withheld/<uuid:item_id>/remove")
@access.requires(Permission.NOTES_SEAL)
def withheld_removed(reference: str, item_id: UUID) -> Response:
    """Take one line of the list out again."""
    view, newest = get_draft(reference)
    kept = _read_withheld(view, newest)
    _set_withheld(newest.dispatch_id, [one for known, one in kept if known != item_id])
    return see_other(transfer_path(view.reference, "withheld"))


def _set_withheld(dispatch_id: UUID, withheld: list[Withheld]) -> None:
    me = acting()
    with me.database.writing() as session:
        set_withheld(session, me.at, me.actor, dispatch_id=dispatch_id, withheld=withheld)
    leave_notice(LISTED)


def _read_withheld(view: TransferView, newest: DispatchView) -> list[tuple[UUID, Withheld]]:
    """The school's own list as it is; raises CannotOpen where a line is damaged, since saving would lose it."""
    found = []
    for part in read_contents(newest.dispatch_id).parts:
        if part.sealed_for != view.transfer_id:
            continue  # an earlier school said so, and it goes on as it is
        if part.remark is not None:
            found.append((part.item_id, Withheld(WithheldReason(part.remark.reason), part.remark.words)))
        elif part.failure is not None and part.kind is ItemKind.REMARK:
            raise part.failure
    return found


def _get_note(dispatch_id: UUID, item_id: UUID) -> tuple[Part, Note]:
    parts = read_contents(dispatch_id, only=item_id).parts
    part = parts[0] if parts else None
    if part is not None and part.failure is not None:
        raise part.failure
    if part is None or part.note is None:
        raise NotFound("note")
    return part, part.note


def _note(entered: NoteEntered) -> Note:
    return Note(
        category=entered.category,
        dated_on=entered.dated_on,
        text=entered.text,
        why_shared=entered.why_shared,
        why_shared_words=entered.why_shared_words or "",
    )


def _about_note(view: TransferView) -> dict[str, Any]:
    return {
        "view": view,
        "categories": tuple(NOTE_CATEGORY_LABELS.items()),
        "why": tuple(WHY_SHARED_LABELS.items()),
        "limit": NOTE_TEXT_LIMIT,
    }


def _about_withheld(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    contents = read_contents(newest.dispatch_id)
    return {
        "view": view,
        "remarks": contents.remarks,
        "say_withheld": say_withheld,
        "reasons": tuple(WITHHELD_REASON_LABELS.items()),
    }
