"""The last steps of a new transfer: the receiving school, the check of all answers, and the recording of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.transfers import ReceivingSchoolSchema
from transfer_service.domain.errors import Invalid, NotFound, RuleForbids
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS, TransferKind
from transfer_service.use_cases.directory import Receiver, SchoolShown, find_schools, get_receiver
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.drafting import create_transfer
from transfer_service.use_cases.transfers.entries import get_entry, keep_entry, lock_entries
from transfer_service.use_cases.transfers.moves import MoveDates
from transfer_service.use_cases.transfers.pupils import Pupil
from transfer_service.use_cases.transfers.recorded_already import list_recorded_already
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.beginning import entry_path, load_entry, next_step, save_entry
from transfer_service.web.school.search import LONGEST_QUERY

blueprint = Blueprint("school_choosing", __name__)
RECORDED = declare_notice("transfer-recorded", "Transfer {reference} is recorded.")
RECORDED_BY_OFFICE = declare_notice(
    "transfer-recorded-by-office",
    "Transfer {reference} is recorded. Your designated safeguarding lead sees it on the start page and sends the file.",
)
_ENTRY = "/transfers/new/<uuid:entry_id>"


def search_context(chosen: str = "") -> dict[str, Any]:
    """What a page that asks for a school shows: what was searched for and what was found."""
    me = acting()
    text = request.args.get("q", "").strip()[:LONGEST_QUERY]
    found: list[SchoolShown] = []
    if text:
        with me.database.reading() as session:
            found = find_schools(session, me.actor, text=text)
    return {"query": text, "found": found, "asked": "q" in request.args, "chosen": chosen, "successors": ()}


def look_at_receiver(urn: str) -> Receiver:
    """What is to be known of the school chosen; raises Invalid, with the page's field, for an unknown one."""
    me = acting()
    try:
        with me.database.reading() as session:
            return get_receiver(session, me.at, me.actor, urn=urn)
    except NotFound:
        raise Invalid({"receiving_school": ["We know no school with this URN. Search by name or town"]}) from None


def problem_with(receiver: Receiver) -> str:
    """Why nothing can be sent to this school; empty where it can."""
    if receiver.is_own:
        return "This is your own school. Choose the school that the pupil is moving to"
    if receiver.school.is_closed and receiver.successors:
        return "This school is closed. Choose the school that followed it"
    if receiver.school.is_closed:
        return "This school is closed and the register names no successor. Ask your authority which school it is"
    return ""


@blueprint.get(f"{_ENTRY}/school")
@access.requires(Permission.PUPIL_RECORD)
def school(entry_id: UUID) -> str:
    """Ask for the receiving school: a search, and what it found to choose from."""
    entry = load_entry(entry_id)
    context = search_context()
    form = filled({"receiving_school": context["found"][0].urn}) if len(context["found"]) == 1 else Form()
    back = entry_path(entry_id, "check" if next_step(entry) == "check" else "move")
    return render_template("school/new/school.html", form=form, back=back, **context)


@blueprint.post(f"{_ENTRY}/school")
@access.requires(Permission.PUPIL_RECORD)
def school_chosen(entry_id: UUID) -> Response | tuple[str, int]:
    """Take the choice; for a closed school its successors are offered."""
    entry = load_entry(entry_id)
    submitted = submit(ReceivingSchoolSchema, request.form)
    context = {**search_context(), "back": entry_path(entry_id, "move")}
    if submitted.value is None:
        return refused("school/new/school.html", submitted.form, **context)
    try:
        receiver = look_at_receiver(submitted.value.receiving_school)
    except Invalid as refusal:
        return refused("school/new/school.html", submitted.form.with_errors(refusal.fields), **context)
    if problem := problem_with(receiver):
        form = Form().with_errors({"receiving_school": [problem]})
        return refused("school/new/school.html", form, **{**context, "successors": receiver.successors})
    entry["receiving_school"] = receiver.school.urn
    save_entry(entry_id, entry)
    return see_other(entry_path(entry_id, next_step(entry)))


@blueprint.get(f"{_ENTRY}/check")
@access.requires(Permission.PUPIL_RECORD)
def check(entry_id: UUID) -> Response | str:
    """Show all answers, and say beforehand where the receiving school cannot open anything yet."""
    entry = load_entry(entry_id)
    if (step := next_step(entry)) != "check":
        return see_other(entry_path(entry_id, step))
    return render_template("school/new/check.html", form=Form(), **_answers(entry_id, entry))


@blueprint.post(f"{_ENTRY}/check")
@access.requires(Permission.PUPIL_RECORD)
def record(entry_id: UUID) -> Response | tuple[str, int]:
    """Record the transfer; a second click leads to the one that the first recorded."""
    me = acting()
    entry = load_entry(entry_id)
    if not entry.get("recorded") and (step := next_step(entry)) != "check":
        return see_other(entry_path(entry_id, step))
    try:
        reference = entry.get("recorded") or _record(entry_id, look_at_receiver(entry["receiving_school"]))
    except Invalid as refusal:
        said = [text for texts in refusal.fields.values() for text in texts]
        return refused("school/new/check.html", Form().with_errors({"": said}), **_answers(entry_id, entry))
    except RuleForbids as refusal:
        form = Form().with_errors({"": [refusal.sentence]})
        return refused("school/new/check.html", form, **_answers(entry_id, entry))
    if can(me.actor, Permission.DISPATCH_DRAFT):
        leave_notice(RECORDED, reference=reference)
        return see_other(transfer_path(reference, "held"))
    leave_notice(RECORDED_BY_OFFICE, reference=reference)
    return see_other(transfer_path(reference))


def _record(entry_id: UUID, receiver: Receiver) -> str:
    me = acting()
    with me.database.writing() as session:
        key = open_person_key(session, me.at, cookie=me.cookie)
        lock_entries(session, me.actor)
        entry = get_entry(session, me.at, me.actor, entry_id=entry_id, person_key=key)
        if entry.get("recorded"):
            return entry["recorded"]
        dispatch = create_transfer(
            session,
            me.at,
            me.actor,
            pupil=_pupil(entry),
            kind=TransferKind(entry["kind"]),
            dates=_dates(entry),
            receiving_school_id=receiver.school.id,
            upn_confirmed=entry.get("upn_confirmed") == "yes",
            urgent=request.form.get("urgent") == "yes",
        )
        reference = dispatch.transfer.reference
        keep_entry(session, me.at, me.actor, entry_id=entry_id, values={"recorded": reference})
        return reference


def _pupil(entry: Mapping[str, str]) -> Pupil:
    return Pupil(
        forename=entry["forename"],
        surname=entry["surname"],
        date_of_birth=date.fromisoformat(entry["date_of_birth"]),
        upn=entry.get("upn") or None,
    )


def _dates(entry: Mapping[str, str]) -> MoveDates:
    def day(name: str) -> date | None:
        return date.fromisoformat(entry[name]) if entry.get(name) else None

    return MoveDates(
        leaving_on=date.fromisoformat(entry["leaving_on"]),
        starts_on=day("starts_on"),
        destination_confirmed_on=day("destination_confirmed_on"),
    )


def _answers(entry_id: UUID, entry: Mapping[str, str]) -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        already = list_recorded_already(session, me.at, me.actor, pupil=_pupil(entry))
    return {
        "already": already,
        "back": entry_path(entry_id, "school"),
        "base": f"/transfers/new/{entry_id}",
        "pupil": _pupil(entry),
        "upn_confirmed": entry.get("upn_confirmed") == "yes",
        "kind": TRANSFER_KIND_LABELS[TransferKind(entry["kind"])],
        "dates": _dates(entry),
        "receiver": look_at_receiver(entry["receiving_school"]),
        "knows_notes": can(me.actor, Permission.DISPATCH_DRAFT),
    }
