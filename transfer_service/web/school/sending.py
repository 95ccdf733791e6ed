"""Checking the answers and sending; declaring that nothing is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.base import ValueSchema
from schemas.school_pages import NilSchema, SendFileSchema, StatedOfDraft
from transfer_service.domain.calendars import local_day
from transfer_service.domain.errors import AlreadyDone, Conflict, RuleForbids
from transfer_service.domain.notes import WHY_SHARED_LABELS, size_bucket_label
from transfer_service.domain.permissions import Permission
from transfer_service.domain.statements import NIL_DECLARATION, SEND_CONFIRMATION
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS, Side, Status
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.sending import Sent, check_answers, declare_nil, send_dispatch
from transfer_service.use_cases.transfers.viewing import DispatchView, TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import Notice, declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.contents import by_category, read_contents, say_withheld
from transfer_service.web.school.transfers import get_newest
from transfer_service.web.school.words import say_clocks

blueprint = Blueprint("school_sending", __name__)
SENT = declare_notice("file-sent", "The file {reference} was sent. You are told when it is opened and acknowledged.")
WAITS = declare_notice(
    "file-waits",
    "You have sent the file {reference}. The receiving school has no key yet: it is delivered once it has one.",
)
NIL_SENT = declare_notice("nil-sent", "Your declaration {reference} was sent. You are told when it is acknowledged.")
SENT_BEFORE = declare_notice("sent-before", "{reference} was already sent. Nothing was sent twice.", success=False)


@blueprint.get("/transfers/<reference>/check")
@access.requires(Permission.DISPATCH_SEND)
def check(reference: str) -> Response | str:
    """Show everything that will be sent."""
    view, newest = get_newest(reference, side=Side.SENDING)
    if newest.status is not Status.DRAFT:
        return see_other(transfer_path(view.reference))
    return render_template("school/draft/check.html", form=Form(), **_answers(view, newest))


@blueprint.post("/transfers/<reference>/check")
@access.requires(Permission.DISPATCH_SEND)
def send(reference: str) -> Response | tuple[str, int]:
    """Send the file; a second click finds it sent."""
    return _act(
        reference,
        SendFileSchema,
        send_dispatch,
        page="school/draft/check.html",
        context=_answers,
        notices={Status.SENT: SENT, Status.WAITING: WAITS},
    )


@blueprint.get("/transfers/<reference>/nil")
@access.requires(Permission.NIL_DECLARE)
def nil(reference: str) -> Response | str:
    """Show the statement of a nil declaration."""
    view, newest = get_newest(reference, side=Side.SENDING)
    if newest.status is not Status.DRAFT:
        return see_other(transfer_path(view.reference))
    return render_template("school/draft/nil.html", form=Form(), **_nil_context(view, newest))


@blueprint.post("/transfers/<reference>/nil")
@access.requires(Permission.NIL_DECLARE)
def nil_declared(reference: str) -> Response | tuple[str, int]:
    """Declare it, for this pupil alone."""
    return _act(
        reference,
        NilSchema,
        declare_nil,
        page="school/draft/nil.html",
        context=_nil_context,
        notices={Status.SENT: NIL_SENT, Status.WAITING: NIL_SENT},
    )


def _act(
    reference: str,
    schema: type[ValueSchema[StatedOfDraft]],
    act: Callable[..., Sent],
    *,
    page: str,
    context: Callable[[TransferView, DispatchView], dict[str, Any]],
    notices: Mapping[Status, Notice],
) -> Response | tuple[str, int]:
    """Send what the page showed, once; `act` is the use case, `page` and `context` show again what was refused."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    submitted = submit(schema, request.form)
    if submitted.value is None:
        if newest.status is not Status.DRAFT:
            return see_other(transfer_path(view.reference))
        return refused(page, submitted.form, **context(view, newest))
    try:
        with me.database.writing() as session:
            sent = act(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                person_key=open_person_key(session, me.at, cookie=me.cookie),
                storage=me.equipment.storage,
                statement_version=submitted.value.statement_version,
                seen=submitted.value.seen,
            )
    except AlreadyDone:
        leave_notice(SENT_BEFORE, reference=view.reference)
        return see_other(transfer_path(view.reference))
    except (Conflict, RuleForbids) as refusal:
        form = Form().with_errors({"": [refusal.sentence]})
        view, newest = get_newest(reference, side=Side.SENDING)
        return refused(page, form, **context(view, newest))
    leave_notice(notices[sent.status], reference=view.reference)
    return see_other(transfer_path(view.reference))


def _answers(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    me = acting()
    contents = read_contents(newest.dispatch_id)
    with me.database.reading() as session:
        answers = check_answers(session, me.at, me.actor, dispatch_id=newest.dispatch_id)
        receiver = show_schools(session, [answers.receiving_school])[answers.receiving_school.id]
    return {
        "view": view,
        "newest": newest,
        "answers": answers,
        "receiver": receiver,
        "kind": TRANSFER_KIND_LABELS[view.kind],
        "groups": by_category(contents),
        "attachments": [part for part in contents.attachments if part.failure is None],
        "remarks": contents.remarks,
        "damaged": [part for part in contents.parts if part.failure is not None],
        "why": WHY_SHARED_LABELS,
        "size": size_bucket_label,
        "say_withheld": say_withheld,
        "clock": say_clocks(newest, today=local_day(me.at.now()))[0],
        "statement": SEND_CONFIRMATION,
    }


def _nil_context(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        answers = check_answers(session, me.at, me.actor, dispatch_id=newest.dispatch_id)
        receiver = show_schools(session, [newest.receiving_school])[newest.receiving_school.id]
    return {"view": view, "receiver": receiver, "answers": answers, "statement": NIL_DECLARATION}
