"""Setting up the authenticator app while signing in: at first, or in place of a lost one."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import OneTimeCodeSchema
from transfer_service.domain.errors import RuleForbids, SessionEnded, SignInRefused
from transfer_service.use_cases.people.second_factor import confirm_second_factor, prepare_second_factor
from transfer_service.web import access
from transfer_service.web.account.acting import ARRIVE, wanted, with_next
from transfer_service.web.account.backup_codes import BACKUP_CODES
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.qr_code import ShownSecret, show_secret
from transfer_service.web.account.signing_in import CODE, SET_UP, go_on, start_again
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.sessions import read_session_cookie

blueprint = Blueprint("enrolling", __name__)


@blueprint.get(SET_UP)
@access.public("asks for the cookie of a sign-in whose password was right")
def set_up() -> ResponseReturnValue:
    """Show what the authenticator app needs, and ask for its first code."""
    try:
        offer = _offer()
    except SessionEnded:
        return start_again()
    except RuleForbids:  # the app is set up already
        return see_other(with_next(CODE, wanted()))
    return render_template("account/set_up.html", form=Form(), offer=offer)


@blueprint.post(SET_UP)
@access.public("as the page with the form")
def send_set_up() -> ResponseReturnValue:
    """Take the first code of the app, which completes the sign-in."""
    cookie = read_session_cookie(request)
    if cookie is None:
        return start_again()
    submitted = submit(OneTimeCodeSchema, request.form)
    services = current_services()
    try:
        if submitted.value is None:
            return refused("account/set_up.html", submitted.form, offer=_offer())
        started = confirm_second_factor(
            services.database,
            services.installation,
            cookie=cookie,
            code=submitted.value.code,
            device=this_device(),
        )
    except SignInRefused as refusal:
        form = submitted.form.with_errors({"code": [refusal.sentence]})
        return refused("account/set_up.html", form, offer=_offer())
    except SessionEnded:
        return start_again()
    except RuleForbids:  # nothing waits to be set up: the page says what does
        return see_other(with_next(SET_UP, wanted()))
    # While the device is at hand is the time to think of the day on which it is not.
    return go_on(started, with_next(ARRIVE, wanted()), arrive=BACKUP_CODES)


def _offer() -> ShownSecret:
    cookie = read_session_cookie(request)
    if cookie is None:
        raise SessionEnded
    services = current_services()
    with services.database.writing() as session:
        return show_secret(prepare_second_factor(session, services.installation, cookie=cookie))
