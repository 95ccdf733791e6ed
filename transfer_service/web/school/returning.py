"""Sending back, withdrawing, sending again, sealing anew, beginning again: what follows when something went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.dispatches import SendBackSchema
from schemas.transfers import ReceivingSchoolSchema
from transfer_service.domain.errors import AlreadyDone, CannotOpen, Invalid, RuleForbids
from transfer_service.domain.notes import MESSAGE_LIMIT
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import (
    MISDIRECTION_REASONS,
    REJECTION_REASON_LABELS,
    DispatchKind,
    RejectionReason,
    Side,
    Status,
)
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.drafting import draft_again
from transfer_service.use_cases.transfers.redirecting import redirect as redirect_dispatch
from transfer_service.use_cases.transfers.resealing import reseal_grants
from transfer_service.use_cases.transfers.returning import ReturnRemark, read_return_remark, send_back, withdraw
from transfer_service.use_cases.transfers.viewing import DispatchView, TransferView
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting, transfer_path
from transfer_service.web.school.choosing import look_at_receiver, problem_with, search_context
from transfer_service.web.school.transfers import get_newest, get_view

blueprint = Blueprint("school_returning", __name__)
BEFORE_SENDING_AGAIN: Final[Mapping[RejectionReason, str]] = MappingProxyType(
    {
        RejectionReason.NOT_JOINING: "The school says that the pupil is not joining it. Find out to which school the "
        "pupil goes before you send it again.",
        RejectionReason.WRONG_SCHOOL: "The school says that it was meant for another school. Find out which before you "
        "send it again.",
        RejectionReason.WRONG_PUPIL: "The school says that the contents are about another pupil. Sending again sends "
        "the same contents. If they are wrong, begin a new draft instead.",
        RejectionReason.DUPLICATE: "The school says that it has received this file already. Telephone it before you "
        "send it again.",
        RejectionReason.INCOMPLETE: "The school says that part of the file is missing. Sending again sends the same "
        "contents. To add what is missing, begin a new draft instead.",
        RejectionReason.CANNOT_OPEN: "The school could not open an item. If sending again does not help, begin a new "
        "draft.",
        RejectionReason.NIL_DISPUTED: "The school believes that you hold information on this pupil. If you do, begin a "
        "new draft and send the file.",
    }
)
"""What to know before the same contents go out again, by why they came back."""
SENT_BACK = declare_notice("sent-back", "{reference} was sent back. The sending school is told.")
WITHDRAWN = declare_notice("withdrawn", "{reference} was withdrawn. The receiving school can no longer open it.")
REDIRECTED = declare_notice("redirected", "{reference} was sent again. The receiving school is told.")
RESEALED = declare_notice("resealed", "{reference} was sealed to the receiving school again. Ask it to open the file.")
DRAFTED = declare_notice("drafted-again", "A new draft of {reference} was begun. The date by which it is due stays.")
DONE_BEFORE = declare_notice(
    "done-before", "This was already done for {reference}. Nothing was changed.", success=False
)


@blueprint.get("/transfers/<reference>/send-back")
@access.requires(Permission.DISPATCH_SEND_BACK)
def returning(reference: str) -> str:
    """Ask why it is sent back."""
    view, newest = get_newest(reference, side=Side.RECEIVING)
    return render_template("school/send_back.html", form=Form(), **_about_return(view, newest))


@blueprint.post("/transfers/<reference>/send-back")
@access.requires(Permission.DISPATCH_SEND_BACK)
def returned(reference: str) -> Response | tuple[str, int]:
    """Send it back; the words are sealed to both schools."""
    me = acting()
    view, newest = get_newest(reference, side=Side.RECEIVING)
    submitted = submit(SendBackSchema, request.form)
    said = submitted.value
    if said is None:
        return refused("school/send_back.html", submitted.form, **_about_return(view, newest))
    try:
        with me.database.writing() as session:
            send_back(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                reason=said.reason,
                words=said.words or "",
            )
    except Invalid as refusal:
        form = submitted.form.with_errors(refusal.fields)
        return refused("school/send_back.html", form, **_about_return(view, newest))
    except AlreadyDone:
        leave_notice(DONE_BEFORE, reference=view.reference)
    else:
        leave_notice(SENT_BACK, reference=view.reference)
    return see_other(transfer_path(view.reference))


@blueprint.get("/transfers/<reference>/returned")
@access.requires(Permission.NOTES_OPEN)
def remark(reference: str) -> str:
    """Show why it was sent back, in the receiving school's words; the leaf of it is committed first."""
    me = acting()
    view = get_view(reference)
    newest = get_newest(reference, side=view.side)[1]
    found: ReturnRemark | None = None
    failure: CannotOpen | None = None
    try:
        with me.database.writing() as session:
            found = read_return_remark(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                person_key=open_person_key(session, me.at, cookie=me.cookie),
                storage=me.equipment.storage,
            )
    except CannotOpen as refusal:
        failure = refusal
    reason = REJECTION_REASON_LABELS[newest.rejection_reason] if newest.rejection_reason else ""
    return render_template("school/returned.html", view=view, remark=found, failure=failure, reason=reason)


@blueprint.get("/transfers/<reference>/withdraw")
@access.requires(Permission.DISPATCH_WITHDRAW)
def withdrawing(reference: str) -> str:
    """Ask whether it is to be withdrawn."""
    view, newest = get_newest(reference, side=Side.SENDING)
    return render_template("school/withdraw.html", view=view, newest=newest)


@blueprint.post("/transfers/<reference>/withdraw")
@access.requires(Permission.DISPATCH_WITHDRAW)
def withdrawn(reference: str) -> Response:
    """Withdraw it."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    try:
        with me.database.writing() as session:
            withdraw(session, me.at, me.actor, dispatch_id=newest.dispatch_id)
    except AlreadyDone:
        leave_notice(DONE_BEFORE, reference=view.reference)
    else:
        leave_notice(WITHDRAWN, reference=view.reference)
    return see_other(transfer_path(view.reference))


@blueprint.get("/transfers/<reference>/redirect")
@access.requires(Permission.DISPATCH_REDIRECT)
def redirecting(reference: str) -> str:
    """Ask to which school the same sealed file goes: the same or another."""
    view, newest = get_newest(reference, side=Side.SENDING)
    # No school is chosen beforehand: one careless press would send a file again to where it was not meant to go.
    return render_template("school/redirect.html", form=Form(), **_about_redirect(view, newest))


@blueprint.post("/transfers/<reference>/redirect")
@access.requires(Permission.DISPATCH_REDIRECT)
def redirected(reference: str) -> Response | tuple[str, int]:
    """Send the same sealed items as a new dispatch."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    submitted = submit(ReceivingSchoolSchema, request.form)
    context = _about_redirect(view, newest)
    if submitted.value is None:
        return refused("school/redirect.html", submitted.form, **context)
    try:
        receiver = look_at_receiver(submitted.value.receiving_school)
        if problem := problem_with(receiver):
            form = Form().with_errors({"receiving_school": [problem]})
            return refused("school/redirect.html", form, **{**context, "successors": receiver.successors})
        with me.database.writing() as session:
            redirect_dispatch(
                session,
                me.at,
                me.actor,
                dispatch_id=newest.dispatch_id,
                receiving_school_id=receiver.school.id,
                person_key=open_person_key(session, me.at, cookie=me.cookie),
                storage=me.equipment.storage,
            )
    except Invalid as refusal:
        return refused("school/redirect.html", submitted.form.with_errors(refusal.fields), **context)
    except (RuleForbids, CannotOpen) as refusal:
        return refused("school/redirect.html", submitted.form.with_errors({"": [refusal.sentence]}), **context)
    except AlreadyDone:
        leave_notice(DONE_BEFORE, reference=view.reference)
    else:
        leave_notice(REDIRECTED, reference=view.reference)
    return see_other(transfer_path(view.reference))


@blueprint.post("/transfers/<reference>/reseal")
@access.requires(Permission.DISPATCH_SEND)
def resealed(reference: str) -> Response:
    """Seal the items to the receiving school again, where it reports one that does not open."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    with me.database.writing() as session:
        reseal_grants(
            session,
            me.at,
            me.actor,
            dispatch_id=newest.dispatch_id,
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
        )
    leave_notice(RESEALED, reference=view.reference)
    return see_other(transfer_path(view.reference))


@blueprint.post("/transfers/<reference>/draft-again")
@access.requires(Permission.DISPATCH_DRAFT)
def drafted_again(reference: str) -> Response:
    """Begin an empty draft to the same school, for instance a file after a nil declaration."""
    me = acting()
    view, newest = get_newest(reference, side=Side.SENDING)
    with me.database.writing() as session:
        draft_again(session, me.at, me.actor, reference=view.reference, receiving_school_id=newest.receiving_school.id)
    leave_notice(DRAFTED, reference=view.reference)
    return see_other(transfer_path(view.reference))


def _about_return(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    nil = newest.kind is DispatchKind.NIL
    # What makes sense depends on what is sent back: nothing can be missing from a nil declaration.
    left_out = (
        {RejectionReason.INCOMPLETE, RejectionReason.CANNOT_OPEN, RejectionReason.WRONG_PUPIL}
        if nil
        else {RejectionReason.NIL_DISPUTED}
    )
    reasons = tuple((one, said) for one, said in REJECTION_REASON_LABELS.items() if one not in left_out)
    return {
        "view": view,
        "newest": newest,
        "reasons": reasons,
        "limit": MESSAGE_LIMIT,
        "was_opened": newest.status in (Status.OPENED, Status.ACKNOWLEDGED) and not nil,
        "misdirections": [said for one, said in REJECTION_REASON_LABELS.items() if one in MISDIRECTION_REASONS],
    }


def _about_redirect(view: TransferView, newest: DispatchView) -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        same = show_schools(session, [newest.receiving_school])[newest.receiving_school.id]
    return {
        "view": view,
        "newest": newest,
        "same": same,
        "advice": BEFORE_SENDING_AGAIN.get(newest.rejection_reason) if newest.rejection_reason else None,
        "is_misdirected": newest.rejection_reason in MISDIRECTION_REASONS,
        **search_context(),
    }
