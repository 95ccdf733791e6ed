"""The lists of a school's transfers: by box and state, to look at, to take away, and a transfer by its reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from schemas.school_pages import FindTransferSchema
from transfer_service.domain.calendars import local_day
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import STATUS_LABELS, Status
from transfer_service.use_cases.directory import show_schools
from transfer_service.use_cases.transfers.listing import Box, TransferRow, list_transfers
from transfer_service.use_cases.transfers.taking_away import take_list
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, submit
from transfer_service.web.school.acting import Acting, acting, transfer_path
from transfer_service.web.school.words import day_of, due_tag
from transfer_service.web.table_files import ENDINGS, table_file

blueprint = Blueprint("school_lists", __name__)
BOX_LABELS: Final[Mapping[Box, str]] = MappingProxyType(
    {
        Box.OUT: "Sent by us",
        Box.UNANSWERED: "Not acknowledged in time",
        Box.AWAITING: "Sent to us, to deal with",
        Box.UNFILED: "Sent to us, to be filed",
        Box.DEALT_WITH: "Sent to us, dealt with",
    }
)
STATUSES_IN: Final[Mapping[Box, tuple[Status, ...]]] = MappingProxyType(
    {
        Box.OUT: tuple(Status),
        Box.UNANSWERED: (Status.SENT, Status.OPENED),
        Box.AWAITING: (Status.WAITING, Status.SENT, Status.OPENED),
        Box.UNFILED: (Status.ACKNOWLEDGED,),
        Box.DEALT_WITH: (Status.ACKNOWLEDGED, Status.REJECTED, Status.WITHDRAWN),
    }
)


@blueprint.get("/transfers")
@access.requires(Permission.TRANSFER_LIST)
def transfers() -> Response | tuple[str, int]:
    """List one box, a page at a time; or lead to the transfer whose reference was typed."""
    form = Form()
    if "reference" in request.args:
        submitted = submit(FindTransferSchema, MultiDict({"reference": request.args["reference"]}))
        if submitted.value is not None:
            return see_other(transfer_path(submitted.value.reference))
        form = submitted.form
    page = _list_page(acting(), form)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK


@blueprint.get(f"/transfers.{ENDINGS}")
@access.requires(Permission.DISPATCH_STATUS_READ)
def transfers_file(ending: str) -> Response:
    """Give a list, all pages of it, as a table to take away."""
    me = acting()
    box, status = _asked(me)
    with me.database.writing() as session:
        table = take_list(session, me.at, me.actor, box=box, statuses=_only(status))
    return table_file(table, ending, title=BOX_LABELS[box])


def _list_page(me: Acting, form: Form) -> str:
    knows_states = can(me.actor, Permission.DISPATCH_STATUS_READ)
    box, status = _asked(me)
    with me.database.reading() as session:
        page = list_transfers(
            session, me.at, me.actor, box=box, statuses=_only(status), after=request.args.get("after")
        )
        schools = show_schools(session, [row.other_school for row in page.rows])
    asked = {"box": box.value, **({"status": status.value} if status else {})}
    return render_template(
        "school/transfers.html",
        form=form,
        rows=page.rows,
        schools=schools,
        box=box,
        boxes=tuple(BOX_LABELS.items()) if knows_states else (),
        statuses=tuple((one.value, STATUS_LABELS[one]) for one in STATUSES_IN[box]),
        status=status.value if status else "",
        knows_states=knows_states,
        may_record=can(me.actor, Permission.PUPIL_RECORD),
        tag_of=_tag_of(me, box),
        query=urlencode(asked),
        next_page="/transfers?" + urlencode({**asked, "after": page.next}) if page.next else "",
    )


def _asked(me: Acting) -> tuple[Box, Status | None]:
    """Which box, and which state of it: the school's own for those who may not know states, and for nonsense."""
    if not can(me.actor, Permission.DISPATCH_STATUS_READ):
        return Box.OUT, None
    box = next((one for one in Box if one.value == request.args.get("box")), Box.OUT)
    return box, next((one for one in Status if one.value == request.args.get("status")), None)


def _only(status: Status | None) -> frozenset[Status] | None:
    return None if status is None else frozenset({status})


def _tag_of(me: Acting, box: Box) -> Callable[[TransferRow], tuple[str, str]]:
    """The due tag of a row: the sender's clock in the list of all that the school sends, else the receiver's."""
    today = local_day(me.at.now())

    def tag(row: TransferRow) -> tuple[str, str]:
        if box is Box.OUT:
            return due_tag(row.due_on, day_of(row.sent_at), today=today)
        return due_tag(row.receiver_due_on, day_of(row.acknowledged_at), today=today)

    return tag
