"""Backup codes: what they are for, the ten for their one showing, and signing in with one of them."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import SignInBackupCodeSchema
from schemas.base import NothingSchema
from transfer_service.domain.errors import Invalid, RuleForbids, SessionEnded, SignInRefused
from transfer_service.use_cases.people.backup_code_rows import count_backup_codes
from transfer_service.use_cases.people.backup_codes import (
    confirm_backup_codes,
    finish_sign_in_with_backup_code,
    issue_backup_codes,
)
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web import access
from transfer_service.web.account.acting import live_session, needs_password, person_here, wanted, with_next
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.signing_in import SET_UP, go_on, pending_sign_in, start_again
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.sessions import read_session_cookie

BACKUP_CODES = "/account/backup-codes"
SHOW = f"{BACKUP_CODES}/show"
CONFIRM = f"{BACKUP_CODES}/confirm"
SIGN_IN_PAGE = "account/backup_code.html"
CONFIRMED = declare_notice(
    "backup-codes-confirmed", "Your backup codes work now. Any that you had before do not work any more."
)
OVER = declare_notice(
    "backup-codes-over",
    "Those backup codes do not work: an hour has passed since they were shown, or others were made. Throw that sheet "
    "away and make new ones.",
    success=False,
)
blueprint = Blueprint("backup_codes", __name__)


@blueprint.get("/sign-in/backup-code")
@access.public("asks for the cookie of a sign-in whose password was right")
def backup_code() -> ResponseReturnValue:
    """Ask for a backup code in place of the code of the authenticator app."""
    pending = pending_sign_in()
    if pending is None:
        return start_again()
    if not pending.has_second_factor:
        return see_other(with_next(SET_UP, wanted()))
    return render_template(SIGN_IN_PAGE, form=Form(), pending=pending, next_query=with_next("", wanted()))


@blueprint.post("/sign-in/backup-code")
@access.public("as the page with the form")
def send_backup_code() -> ResponseReturnValue:
    """Check the backup code and complete the sign-in."""
    pending, cookie = pending_sign_in(), read_session_cookie(request)
    if pending is None or cookie is None:
        return start_again()
    submitted = submit(SignInBackupCodeSchema, request.form)
    shown = {"pending": pending, "next_query": with_next("", wanted())}
    if submitted.value is None:
        return refused(SIGN_IN_PAGE, submitted.form, **shown)
    services = current_services()
    try:
        started = finish_sign_in_with_backup_code(
            services.database,
            services.installation,
            cookie=cookie,
            backup_code=submitted.value.backup_code,
            device=this_device(),
        )
    except SignInRefused as refusal:
        return refused(SIGN_IN_PAGE, submitted.form.with_errors({"backup_code": [refusal.sentence]}), **shown)
    except Invalid as refusal:
        return refused(SIGN_IN_PAGE, submitted.form.with_errors(refusal.fields), **shown)
    except SessionEnded:
        return start_again()
    return go_on(started, wanted())


@blueprint.get(BACKUP_CODES)
@access.signed_in
def explain() -> ResponseReturnValue:
    """Say what backup codes are for, and offer to show ten."""
    live = live_session()
    services = current_services()
    with services.database.reading() as session:
        codes = count_backup_codes(session, services.installation, live.person_id)
    return needs_password(live) or render_template(
        "account/backup_codes_intro.html",
        codes=codes,
        show_address=with_next(SHOW, wanted()),
        later_address=_afterwards(),
        is_offer="next" in request.args,
    )


@blueprint.post(SHOW)
@access.signed_in
def show() -> ResponseReturnValue:
    """Show the ten codes. Reloading shows the same until they are confirmed."""
    _check_form()
    services = current_services()
    person = person_here()
    with services.database.writing() as session:
        codes = issue_backup_codes(session, services.installation, person.actor, cookie=person.token)
    return render_template(
        "account/backup_codes_shown.html",
        codes=codes,
        shown_at=services.installation.now(),
        confirm_address=with_next(CONFIRM, wanted()),
    )


@blueprint.post(CONFIRM)
@access.signed_in
def confirm() -> ResponseReturnValue:
    """Let the codes that were shown work, because their owner has kept them."""
    _check_form()
    services = current_services()
    person = person_here()
    at = services.installation
    try:
        with services.database.writing() as session:
            key = open_person_key(session, at, cookie=person.token)
            confirm_backup_codes(session, at, person.actor, person_key=key)
    except RuleForbids:
        leave_notice(OVER)
        return see_other(with_next(BACKUP_CODES, wanted()))
    leave_notice(CONFIRMED)
    return see_other(_afterwards())


def _check_form() -> None:
    submitted = submit(NothingSchema, request.form)
    if submitted.value is None:
        raise Invalid(submitted.form.errors)


def _afterwards() -> str:
    """Where to go on: the page wanted, or back to the account."""
    return wanted() if "next" in request.args else "/account"
