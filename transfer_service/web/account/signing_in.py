"""Signing in and out: a password, then a code, and a new authenticator app where there is none."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import RecoveryCodeSchema, SignInCodeSchema, SignInSchema
from transfer_service.domain.errors import Invalid, SessionEnded, SignInRefused
from transfer_service.use_cases.people.pending import PendingSignIn, get_pending_sign_in
from transfer_service.use_cases.people.second_factor import use_recovery_code
from transfer_service.use_cases.people.session_keys import StartedSession
from transfer_service.use_cases.people.sessions import end_session
from transfer_service.use_cases.people.signing_in import begin_sign_in, finish_sign_in
from transfer_service.web import access
from transfer_service.web.account.acting import ARRIVE, wanted, with_next
from transfer_service.web.account.browser import keep_session, this_device
from transfer_service.web.account.equipment import password_work
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.sessions import clear_session_cookie, read_session_cookie, signed_in

SIGN_IN = "/sign-in"
CODE = "/sign-in/code"
SET_UP = "/sign-in/set-up"
TOO_SLOW = declare_notice(
    "sign-in-too-slow",
    "You were not signed in, because more time passed than is allowed between the steps. Start again.",
    success=False,
)
SIGNED_OUT = declare_notice("signed-out", "You have signed out.")

blueprint = Blueprint("signing_in", __name__)


@blueprint.get(SIGN_IN)
@access.public("people are not signed in before they sign in")
def sign_in() -> ResponseReturnValue:
    """Ask for email address and password."""
    if signed_in() is not None:
        return see_other(with_next(ARRIVE, wanted()))
    return render_template("account/sign_in.html", form=Form())


@blueprint.post(SIGN_IN)
@access.public("as the page with the form")
def send_sign_in() -> ResponseReturnValue:
    """Check the password; the code comes next, except on a device that is trusted."""
    submitted = submit(SignInSchema, request.form)
    if submitted.value is None:
        return refused("account/sign_in.html", submitted.form)
    services = current_services()
    try:
        started = begin_sign_in(
            services.database,
            services.installation,
            password_work(),
            email=submitted.value.email,
            password=submitted.value.password,
            device=this_device(),
        )
    except SignInRefused as refusal:
        return refused("account/sign_in.html", submitted.form.with_errors({"email": [refusal.sentence]}))
    return go_on(started, wanted())


@blueprint.get(CODE)
@access.public("asks for the cookie of a sign-in whose password was right")
def code() -> ResponseReturnValue:
    """Ask for the code of the authenticator app."""
    pending = pending_sign_in()
    if pending is None:
        return start_again()
    if not pending.has_second_factor:
        return see_other(with_next(SET_UP, wanted()))
    return render_template("account/code.html", form=Form(), pending=pending, next_query=_query())


@blueprint.post(CODE)
@access.public("as the page with the form")
def send_code() -> ResponseReturnValue:
    """Check the code and complete the sign-in."""
    pending, cookie = pending_sign_in(), read_session_cookie(request)
    if pending is None or cookie is None:
        return start_again()
    submitted = submit(SignInCodeSchema, request.form)
    if submitted.value is None:
        return refused("account/code.html", submitted.form, pending=pending, next_query=_query())
    services = current_services()
    try:
        started = finish_sign_in(
            services.database,
            services.installation,
            cookie=cookie,
            code=submitted.value.code,
            device=this_device(),
            trust_device=bool(submitted.value.trust_device),
        )
    except SignInRefused as refusal:
        form = submitted.form.with_errors({"code": [refusal.sentence]})
        return refused("account/code.html", form, pending=pending, next_query=_query())
    except SessionEnded:
        return start_again()
    return go_on(started, wanted())


@blueprint.get("/sign-in/recovery-code")
@access.public("asks for the cookie of a sign-in whose password was right")
def recovery_code() -> ResponseReturnValue:
    """Ask for a recovery code in place of a lost authenticator app."""
    if pending_sign_in() is None:
        return start_again()
    return render_template("account/lost_device.html", form=Form(), next_query=_query())


@blueprint.post("/sign-in/recovery-code")
@access.public("as the page with the form")
def send_recovery_code() -> ResponseReturnValue:
    """Take the recovery code; another app is set up next."""
    cookie = read_session_cookie(request)
    if cookie is None:
        return start_again()
    submitted = submit(RecoveryCodeSchema, request.form)
    if submitted.value is None:
        return refused("account/lost_device.html", submitted.form, next_query=_query())
    services = current_services()
    try:
        started = use_recovery_code(
            services.database,
            services.installation,
            cookie=cookie,
            recovery_code=submitted.value.recovery_code,
            device=this_device(),
        )
    except SignInRefused as refusal:
        form = submitted.form.with_errors({"recovery_code": [refusal.sentence]})
        return refused("account/lost_device.html", form, next_query=_query())
    except Invalid as refusal:
        return refused("account/lost_device.html", submitted.form.with_errors(refusal.fields), next_query=_query())
    except SessionEnded:
        return start_again()
    return go_on(started, wanted())


@blueprint.post("/sign-out")
@access.public("somebody whose session has ended may press the button too; the token against forged forms is asked for")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    services = current_services()
    cookie = read_session_cookie(request)
    if cookie is not None:
        with services.database.writing() as session:
            end_session(session, services.installation, cookie=cookie)
    leave_notice(SIGNED_OUT)
    response = see_other(SIGN_IN)
    clear_session_cookie(response)
    return response


def go_on(started: StartedSession, path: str, *, arrive: str = ARRIVE) -> ResponseReturnValue:
    """Give the browser its session and lead to the next step, to `arrive` at the end; the session before that ends.

    The browser forgets the cookie of that one here, so that nobody could sign it out any more.
    """
    before, services = read_session_cookie(request), current_services()
    if before is not None and before != started.cookie:
        with services.database.writing() as session:
            end_session(session, services.installation, cookie=before)
    address = arrive if started.is_full else SET_UP if started.needs_enrolment else CODE
    response = see_other(with_next(address, path))
    keep_session(response, started)
    return response


def pending_sign_in() -> PendingSignIn | None:
    """What the sign-in of this request waits for; None where its cookie is of none."""
    cookie = read_session_cookie(request)
    if cookie is None:
        return None
    services = current_services()
    try:
        with services.database.reading() as session:
            return get_pending_sign_in(session, services.installation, cookie=cookie)
    except SessionEnded:
        return None


def start_again() -> ResponseReturnValue:
    """Lead back to the beginning, or on, where the cookie is of no sign-in that waits."""
    if signed_in() is not None:
        return see_other(with_next(ARRIVE, wanted()))
    leave_notice(TOO_SLOW)
    return see_other(with_next(SIGN_IN, wanted()))


def _query() -> str:
    return with_next("", wanted())
