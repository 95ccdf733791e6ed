"""A forgotten password: a link by mail, and what it can and cannot bring back."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import AskForResetSchema, ResetPassword, ResetPasswordSchema, ResetWay
from transfer_service.domain.errors import Invalid, SignInRefused
from transfer_service.use_cases.people.reset_links import RESET_PATH, request_password_reset
from transfer_service.use_cases.people.resetting import reset_password, reset_password_with_code
from transfer_service.use_cases.people.session_keys import StartedSession
from transfer_service.use_cases.people.ways_back import WaysBack, list_ways_back
from transfer_service.web import access
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.equipment import password_work
from transfer_service.web.account.signing_in import SIGN_IN, go_on
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

FORGOTTEN = "/forgotten"
KEPT = declare_notice(
    "password-reset-kept", "Your password was changed, and you can read all that you could before. Sign in."
)
CHANGED = declare_notice(
    "password-reset-bare",
    "Your password was changed. Sign in: you are told there who can give you access to files again.",
)
blueprint = Blueprint("resetting", __name__)


@blueprint.get(FORGOTTEN)
@access.public("somebody who forgot the password cannot sign in")
def forgotten() -> ResponseReturnValue:
    """Ask for the email address."""
    return render_template("account/forgotten.html", form=Form())


@blueprint.post(FORGOTTEN)
@access.public("as the page with the form")
def send_forgotten() -> ResponseReturnValue:
    """Mail a link, if there is such an account; the answer is the same where there is none."""
    submitted = submit(AskForResetSchema, request.form)
    if submitted.value is None:
        return refused("account/forgotten.html", submitted.form)
    services = current_services()
    try:
        with services.database.writing() as session:
            request_password_reset(
                session, services.installation, email=submitted.value.email, address=this_device().address
            )
    except Invalid as refusal:
        return refused("account/forgotten.html", submitted.form.with_errors(refusal.fields))
    return see_other(f"{FORGOTTEN}/sent")


@blueprint.get(f"{FORGOTTEN}/sent")
@access.public("says the same to everybody")
def sent() -> ResponseReturnValue:
    """Say that a mail is on its way, if there is such an account."""
    return render_template("account/forgotten_sent.html")


@blueprint.get(f"{RESET_PATH}<token>")
@access.public("the link in the mail is the proof")
def reset(token: str) -> ResponseReturnValue:
    """Ask for a new password and for the recovery code, and say what is lost without it."""
    return render_template("account/reset.html", form=Form(), ways=_ways(token))


@blueprint.post(f"{RESET_PATH}<token>")
@access.public("as the page with the form")
def send_reset(token: str) -> ResponseReturnValue:
    """Set the new password."""
    ways = _ways(token)
    submitted = submit(ResetPasswordSchema, request.form)
    if submitted.value is None:
        return refused("account/reset.html", submitted.form, ways=ways)
    try:
        started = _reset(token, submitted.value)
    except Invalid as refusal:
        return refused("account/reset.html", submitted.form.with_errors(refusal.fields), ways=ways)
    except SignInRefused as refusal:
        form = submitted.form.with_errors({"recovery_code": [refusal.sentence]})
        return refused("account/reset.html", form, ways=ways)
    if started is not None:
        return go_on(started, "/")
    leave_notice(KEPT if submitted.value.way is ResetWay.WITH_CODE else CHANGED)
    return see_other(SIGN_IN)


def _reset(token: str, given: ResetPassword) -> StartedSession | None:
    services = current_services()
    if given.way is ResetWay.WITHOUT_CODE or given.recovery_code is None:
        reset_password(
            services.database,
            services.installation,
            password_work(),
            token=token,
            password=given.password,
            device=this_device(),
        )
        return None
    return reset_password_with_code(
        services.database,
        services.installation,
        password_work(),
        token=token,
        password=given.password,
        recovery_code=given.recovery_code,
        device=this_device(),
        lost_device=bool(given.lost_device),
    )


def _ways(token: str) -> WaysBack:
    services = current_services()
    with services.database.reading() as session:
        return list_ways_back(session, services.installation, token=token)
