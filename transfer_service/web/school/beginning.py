"""A new transfer, one thing a page: the pupil, a UPN that looks wrong, the move, the receiving school, the check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from schemas.school_pages import PupilEnteredSchema, UpnDecidedSchema, UpnDecision
from schemas.transfers import Move, MoveSchema
from transfer_service.domain.calendars import local_day
from transfer_service.domain.errors import Invalid
from transfer_service.domain.identifiers import UPN_WARNING_SENTENCES, UpnWarning, judge_upn
from transfer_service.domain.move_dates import check_pupil_and_dates
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.entries import get_entry, keep_entry
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.school.acting import acting

blueprint = Blueprint("school_beginning", __name__)
_ENTRY = "/transfers/new/<uuid:entry_id>"
_DAYS = ("leaving_on", "starts_on", "destination_confirmed_on")
UPN_DECISIONS = (
    (UpnDecision.CORRECT, "It is wrong: I enter it again"),
    (UpnDecision.CONFIRM, "It is right: keep it as it is"),
    (UpnDecision.CLEAR, "I do not know: leave the UPN out"),
)


def load_entry(entry_id: UUID) -> dict[str, str]:
    """What was typed so far."""
    me = acting()
    with me.database.reading() as session:
        key = open_person_key(session, me.at, cookie=me.cookie)
        return dict(get_entry(session, me.at, me.actor, entry_id=entry_id, person_key=key))


def save_entry(entry_id: UUID | None, values: Mapping[str, str]) -> UUID:
    """Keep what was typed so far."""
    me = acting()
    with me.database.writing() as session:
        return keep_entry(session, me.at, me.actor, entry_id=entry_id, values=values)


def entry_path(entry_id: UUID, step: str) -> str:
    """The address of a step."""
    return f"/transfers/new/{entry_id}/{step}"


def doubts_about(upn: str | None) -> list[str]:
    """What is odd about a UPN and for a person to decide; a temporary one is nothing to doubt."""
    if not upn:
        return []
    return [UPN_WARNING_SENTENCES[one] for one in judge_upn(upn).warnings if one is not UpnWarning.TEMPORARY]


def next_step(entry: Mapping[str, str]) -> str:
    """The first step that is not done."""
    if doubts_about(entry.get("upn")) and entry.get("upn_confirmed") != "yes":
        return "upn"
    if not entry.get("leaving_on"):
        return "move"
    return "school" if not entry.get("receiving_school") else "check"


@blueprint.get("/transfers/new")
@access.requires(Permission.PUPIL_RECORD)
def begin() -> str:
    """Ask who moves."""
    return render_template("school/new/pupil.html", form=Form(), back="/transfers")


@blueprint.post("/transfers/new")
@access.requires(Permission.PUPIL_RECORD)
def begun() -> Response | tuple[str, int]:
    """Take who moves."""
    return _take_pupil(None, back="/transfers")


@blueprint.get(f"{_ENTRY}/pupil")
@access.requires(Permission.PUPIL_RECORD)
def pupil(entry_id: UUID) -> str:
    """Show who moves, to be corrected."""
    entry = load_entry(entry_id)
    shown: dict[str, Any] = {**entry, "date_of_birth": date.fromisoformat(entry["date_of_birth"])}
    return render_template("school/new/pupil.html", form=filled(shown), back="/transfers")


@blueprint.post(f"{_ENTRY}/pupil")
@access.requires(Permission.PUPIL_RECORD)
def pupil_corrected(entry_id: UUID) -> Response | tuple[str, int]:
    """Take the correction."""
    return _take_pupil(entry_id, back="/transfers")


@blueprint.get(f"{_ENTRY}/upn")
@access.requires(Permission.PUPIL_RECORD)
def upn(entry_id: UUID) -> str:
    """Warn of a UPN that looks wrong: to be corrected, kept or left out."""
    entry = load_entry(entry_id)
    form = filled({"upn": entry.get("upn", "")})
    return render_template("school/new/upn.html", form=form, **_about_upn(entry_id, entry))


@blueprint.post(f"{_ENTRY}/upn")
@access.requires(Permission.PUPIL_RECORD)
def upn_decided(entry_id: UUID) -> Response | tuple[str, int]:
    """Take the decision. One that was corrected into another doubtful one is asked about again."""
    entry = load_entry(entry_id)
    # What stands in the field counts only where the UPN is to be corrected: else it must not be in the way.
    fields = MultiDict(request.form)
    if fields.get("decision") != UpnDecision.CORRECT:
        fields.pop("upn", None)
    submitted = submit(UpnDecidedSchema, fields)
    decided = submitted.value
    if decided is None:
        return refused("school/new/upn.html", submitted.form, **_about_upn(entry_id, entry))
    if decided.decision is UpnDecision.CORRECT and decided.upn is None:
        form = submitted.form.with_errors({"upn": ["Enter the UPN, or choose to leave it out"]})
        return refused("school/new/upn.html", form, **_about_upn(entry_id, entry))
    if decided.decision is UpnDecision.CORRECT:
        entry |= {"upn": decided.upn or "", "upn_confirmed": ""}
    elif decided.decision is UpnDecision.CONFIRM:
        entry["upn_confirmed"] = "yes"
    else:
        entry |= {"upn": "", "upn_confirmed": ""}
    save_entry(entry_id, entry)
    return see_other(entry_path(entry_id, next_step(entry)))


@blueprint.get(f"{_ENTRY}/move")
@access.requires(Permission.PUPIL_RECORD)
def move(entry_id: UUID) -> str:
    """Ask what kind of move it is, and its days."""
    entry = load_entry(entry_id)
    shown = {name: date.fromisoformat(entry[name]) for name in _DAYS if entry.get(name)}
    form = filled({**shown, "kind": entry.get("kind")})
    return render_template("school/new/move.html", form=form, **_about_move(entry_id))


@blueprint.post(f"{_ENTRY}/move")
@access.requires(Permission.PUPIL_RECORD)
def move_taken(entry_id: UUID) -> Response | tuple[str, int]:
    """Take them, where they can be right."""
    entry = load_entry(entry_id)
    submitted = submit(MoveSchema, request.form)
    taken = submitted.value
    if taken is None:
        return refused("school/new/move.html", submitted.form, **_about_move(entry_id))
    try:
        check_move(taken, born_on=date.fromisoformat(entry["date_of_birth"]))
    except Invalid as refusal:
        return refused("school/new/move.html", submitted.form.with_errors(refusal.fields), **_about_move(entry_id))
    entry["kind"] = taken.kind.value
    for name in _DAYS:
        day = getattr(taken, name)
        entry[name] = day.isoformat() if day else ""
    save_entry(entry_id, entry)
    return see_other(entry_path(entry_id, next_step(entry)))


def check_move(move: Move, *, born_on: date) -> None:
    """Raise Invalid, by fields of the page that asks for the move, where its days cannot be right."""
    try:
        check_pupil_and_dates(
            date_of_birth=born_on,
            leaving_on=move.leaving_on,
            starts_on=move.starts_on,
            destination_confirmed_on=move.destination_confirmed_on,
            today=local_day(acting().at.now()),
        )
    except Invalid as refusal:
        # The birth date stands on another page; what is said of it is said at the day that it does not fit.
        raise Invalid(
            {"leaving_on" if name == "date_of_birth" else name: said for name, said in refusal.fields.items()}
        ) from None


def _take_pupil(entry_id: UUID | None, *, back: str) -> Response | tuple[str, int]:
    submitted = submit(PupilEnteredSchema, request.form)
    pupil = submitted.value
    if pupil is None:
        return refused("school/new/pupil.html", submitted.form, back=back)
    if pupil.date_of_birth >= local_day(acting().at.now()):
        form = submitted.form.with_errors({"date_of_birth": ["Date of birth must be in the past"]})
        return refused("school/new/pupil.html", form, back=back)
    entry = load_entry(entry_id) if entry_id else {}
    if (pupil.upn or "") != entry.get("upn", ""):
        entry["upn_confirmed"] = ""
    entry |= {
        "forename": pupil.forename,
        "surname": pupil.surname,
        "date_of_birth": pupil.date_of_birth.isoformat(),
        "upn": pupil.upn or "",
    }
    kept = save_entry(entry_id, entry)
    return see_other(entry_path(kept, next_step(entry)))


def _about_upn(entry_id: UUID, entry: Mapping[str, str]) -> dict[str, Any]:
    return {
        "back": entry_path(entry_id, "pupil"),
        "doubts": doubts_about(entry.get("upn")),
        "upn": entry.get("upn", ""),
        "decisions": UPN_DECISIONS,
    }


def _about_move(entry_id: UUID) -> dict[str, Any]:
    return {"back": entry_path(entry_id, "pupil"), "kinds": tuple(TRANSFER_KIND_LABELS.items())}
