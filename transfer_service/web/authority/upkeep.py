"""What an authority keeps in order: alerts that did not arrive, its calendar, its clocks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.authority import EditClosureSchema, EditTermSchema
from schemas.oversight import EditReceiverClockSchema, EditSenderClockSchema, RemoveDaySchema
from transfer_service.domain.calendars import ClosureKind, local_day
from transfer_service.domain.deadlines import CLOCK_START_LABELS, CLOCK_UNIT_LABELS, CalendarOf, ClockStart
from transfer_service.domain.errors import AlreadyDone, Invalid
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases import calendars
from transfer_service.use_cases.calendars import RECEIVER, TermDates
from transfer_service.use_cases.outbox import retry_alert
from transfer_service.use_cases.oversight import clocks, terms
from transfer_service.use_cases.oversight.clocks import Clock
from transfer_service.use_cases.oversight.undelivered import list_given_up
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

_ALERTS: Final = "/authority/alerts"
_CALENDAR: Final = "/authority/calendar"
_SETTINGS: Final = "/authority/settings"

_RETRIED: Final = declare_notice("alert-retried", "The alert is sent again within a minute.")
_CALENDAR_SAVED: Final = declare_notice(
    "calendar-saved", "The calendar is changed. Dates that were counted before stay as they are."
)
_CLOCK_SAVED: Final = declare_notice(
    "clock-saved", "The clock is changed for transfers to come. Dates that were counted before stay as they are."
)

_CLOSURES: Final = (
    (ClosureKind.INSET, "INSET day"),
    (ClosureKind.SNOW, "Snow or other weather"),
    (ClosureKind.POLLING, "Polling"),
    (ClosureKind.OTHER, "Another reason"),
)
CALENDARS: Final = (
    (CalendarOf.SENDING_SCHOOL, "The sending school’s"),
    (CalendarOf.RECEIVING_SCHOOL, "The receiving school’s"),
)


@blueprint.get("/alerts")
@access.requires(Permission.ALERTS_READ)
def alerts() -> str:
    """List the alerts that were given up, newest first."""
    with current_services().database.reading() as session:
        given_up = list_given_up(session, current_actor())
    return render_template("authority/alerts.html", given_up=given_up)


@blueprint.post("/alerts/<uuid:alert_id>/retry")
@access.requires(Permission.ALERTS_RETRY)
def retry(alert_id: UUID) -> Response:
    """Have one sent again."""
    services = current_services()
    with services.database.writing() as session:
        retry_alert(session, services.installation, current_actor(), alert_id=alert_id)
    leave_notice(_RETRIED)
    return see_other(_ALERTS)


@blueprint.get("/calendar")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def calendar() -> str:
    """Show terms and closed days; those that are over stand behind a link each."""
    services = current_services()
    with services.database.reading() as session:
        found = terms.get_calendar(session, current_actor())
    return render_template(
        "authority/calendar.html",
        found=found,
        closure_labels=dict(_CLOSURES),
        today=local_day(services.installation.now()),
    )


@blueprint.get("/calendar/terms/new")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def ask_term() -> str:
    """Ask for a stretch of term."""
    return render_template("authority/term.html", form=Form())


@blueprint.post("/calendar/terms/new")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def add_term() -> Response | tuple[str, int]:
    """Add a stretch of term."""
    submitted = submit(EditTermSchema, request.form)
    form, asked = submitted.form, submitted.value
    if asked is not None:
        services = current_services()
        term = TermDates(asked.starts_on, asked.ends_on, asked.begins_new_term)
        try:
            with services.database.writing() as session:
                terms.add_term(session, services.installation, current_actor(), term=term)
        except Invalid as refusal:
            messages = [message for field in refusal.fields.values() for message in field]
            form = form.with_errors({"starts_on": messages})
        else:
            leave_notice(_CALENDAR_SAVED)
            return see_other(_CALENDAR)
    return refused("authority/term.html", form)


@blueprint.post("/calendar/terms/remove")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def remove_term() -> Response | tuple[str, int]:
    """Take a stretch of term out again."""
    asked = submit(RemoveDaySchema, request.form).value
    if asked is None:
        return calendar(), HTTPStatus.UNPROCESSABLE_ENTITY
    services = current_services()
    with services.database.writing() as session:
        terms.remove_term(session, services.installation, current_actor(), starts_on=asked.day)
    leave_notice(_CALENDAR_SAVED)
    return see_other(_CALENDAR)


@blueprint.get("/calendar/closures/new")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def ask_closure() -> str:
    """Ask for a day on which all schools are closed."""
    return render_template("authority/closure.html", form=Form(), kinds=_CLOSURES)


@blueprint.post("/calendar/closures/new")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def add_closure() -> Response | tuple[str, int]:
    """Add a closed day."""
    submitted = submit(EditClosureSchema, request.form)
    form, asked = submitted.form, submitted.value
    if asked is not None:
        services = current_services()
        try:
            with services.database.writing() as session:
                calendars.add_closure(
                    session, services.installation, current_actor(), closed_on=asked.closed_on, kind=asked.kind
                )
        except AlreadyDone as refusal:
            form = form.with_errors({"closed_on": [refusal.sentence]})
        else:
            leave_notice(_CALENDAR_SAVED)
            return see_other(_CALENDAR)
    return refused("authority/closure.html", form, kinds=_CLOSURES)


@blueprint.post("/calendar/closures/remove")
@access.requires(Permission.AUTHORITY_CALENDAR_EDIT)
def remove_closure() -> Response | tuple[str, int]:
    """Take a closed day out again."""
    asked = submit(RemoveDaySchema, request.form).value
    if asked is None:
        return calendar(), HTTPStatus.UNPROCESSABLE_ENTITY
    services = current_services()
    with services.database.writing() as session:
        calendars.remove_closure(session, services.installation, current_actor(), closed_on=asked.day)
    leave_notice(_CALENDAR_SAVED)
    return see_other(_CALENDAR)


@blueprint.get("/settings")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def settings() -> str:
    """Show the clocks as they count now."""
    with current_services().database.reading() as session:
        found = clocks.list_clocks(session, current_actor())
    return render_template("authority/settings.html", clocks=found)


@blueprint.get("/settings/clocks/<name>")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def ask_clock(name: str) -> str:
    """Show one clock to be changed."""
    clock = _get_clock(name)
    form = filled(
        {
            "unit": clock.rule.unit,
            "start": clock.rule.start,
            "length": clock.rule.length,
            "first_day_counts": clock.rule.first_day_counts,
            "calendar": clock.rule.calendar,
        }
    )
    return render_template("authority/clock.html", form=form, clock=clock, **_clock_choices(name))


@blueprint.post("/settings/clocks/<name>")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def set_clock(name: str) -> Response | tuple[str, int]:
    """Change one clock."""
    submitted = submit(EditReceiverClockSchema if name == RECEIVER else EditSenderClockSchema, request.form)
    if submitted.value is None:
        return refused("authority/clock.html", submitted.form, clock=_get_clock(name), **_clock_choices(name))
    services = current_services()
    with services.database.writing() as session:
        clocks.set_clock(session, services.installation, current_actor(), name=name, rule=submitted.value.rule)
    leave_notice(_CLOCK_SAVED)
    return see_other(_SETTINGS)


@blueprint.post("/settings/clocks/<name>/usual")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def reset_clock(name: str) -> Response:
    """Bring the usual rule of one clock back."""
    services = current_services()
    with services.database.writing() as session:
        clocks.set_clock(session, services.installation, current_actor(), name=name, rule=None)
    leave_notice(_CLOCK_SAVED)
    return see_other(_SETTINGS)


def _get_clock(name: str) -> Clock:
    with current_services().database.reading() as session:
        return clocks.get_clock(session, current_actor(), name=name)


def _clock_choices(name: str) -> dict[str, object]:
    is_receiver = name == RECEIVER
    return {
        "units": [(unit, label[0].upper() + label[1:]) for unit, label in CLOCK_UNIT_LABELS.items()],
        "starts": [
            (start, label[0].upper() + label[1:])
            for start, label in CLOCK_START_LABELS.items()
            if (start is ClockStart.SENT) is is_receiver
        ],
        "calendars": CALENDARS,
    }
