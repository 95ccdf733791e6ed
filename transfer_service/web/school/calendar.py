"""The school's own calendar: INSET days and other closures, which both clocks leave out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.school_pages import ClosedDaySchema, DayTakenSchema
from transfer_service.domain.calendars import ClosureKind, local_day
from transfer_service.domain.errors import AlreadyDone
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.calendars import add_closure, list_closed_days, remove_closure
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting

blueprint = Blueprint("school_calendar", __name__)
SAVED = declare_notice("closure-saved", "The day is saved. Due dates that were counted before stay as they are.")
REMOVED = declare_notice("closure-removed", "The day was removed. Due dates that were counted before stay as they are.")
KIND_LABELS = {
    ClosureKind.INSET: "INSET day",
    ClosureKind.SNOW: "Snow or another emergency",
    ClosureKind.POLLING: "Polling day",
    ClosureKind.OTHER: "Another reason",
}


@blueprint.get("/calendar")
@access.requires(Permission.SCHOOL_CALENDAR_EDIT)
def calendar() -> str:
    """Show the days, and ask for another."""
    return render_template("school/calendar.html", form=Form(), **_about())


@blueprint.post("/calendar")
@access.requires(Permission.SCHOOL_CALENDAR_EDIT)
def day_added() -> Response | tuple[str, int]:
    """Add a day."""
    me = acting()
    submitted = submit(ClosedDaySchema, request.form)
    day = submitted.value
    if day is None:
        return refused("school/calendar.html", submitted.form, **_about())
    try:
        with me.database.writing() as session:
            add_closure(session, me.at, me.actor, closed_on=day.closed_on, kind=day.kind)
    except AlreadyDone as refusal:
        form = submitted.form.with_errors({"closed_on": [refusal.sentence]})
        return refused("school/calendar.html", form, **_about())
    leave_notice(SAVED)
    return see_other("/calendar")


@blueprint.post("/calendar/remove")
@access.requires(Permission.SCHOOL_CALENDAR_EDIT)
def day_removed() -> Response | tuple[str, int]:
    """Take a day out again."""
    me = acting()
    submitted = submit(DayTakenSchema, request.form)
    if submitted.value is None:
        return refused("school/calendar.html", submitted.form, **_about())
    with me.database.writing() as session:
        remove_closure(session, me.at, me.actor, closed_on=submitted.value.closed_on)
    leave_notice(REMOVED)
    return see_other("/calendar")


def _about() -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        days = list_closed_days(session, me.actor)
    return {
        "days": days,
        "labels": KIND_LABELS,
        "kinds": tuple(KIND_LABELS.items()),
        "today": local_day(me.at.now()),
    }
