"""Another device for the codes, by somebody who is signed in and still has the old one."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import OneTimeCodeSchema
from transfer_service.domain.errors import RuleForbids, SignInRefused
from transfer_service.use_cases.people.second_factor import change_second_factor, prepare_second_factor
from transfer_service.web import access
from transfer_service.web.account.acting import live_session, needs_password, person_here
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.qr_code import ShownSecret, show_secret
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

DEVICE = "/account/device"
CHANGED = declare_notice(
    "own-device-changed", "The new device gives your codes from now on. The old one does not work any more."
)
blueprint = Blueprint("own_device", __name__)


@blueprint.get(DEVICE)
@access.signed_in
def device() -> ResponseReturnValue:
    """Show what the new app needs; the old one works until the new one's first code was typed."""
    return needs_password(live_session()) or render_template("account/device.html", form=Form(), offer=_offer())


@blueprint.post(DEVICE)
@access.signed_in
def send_device() -> ResponseReturnValue:
    """Take the first code of the new app."""
    submitted = submit(OneTimeCodeSchema, request.form)
    if submitted.value is None:
        return refused("account/device.html", submitted.form, offer=_offer())
    services = current_services()
    person = person_here()
    try:
        change_second_factor(
            services.database,
            services.installation,
            person.actor,
            cookie=person.token,
            code=submitted.value.code,
            device=this_device(),
        )
    except SignInRefused as refusal:
        form = submitted.form.with_errors({"code": [refusal.sentence]})
        return refused("account/device.html", form, offer=_offer())
    except RuleForbids:  # nothing waits any more: the page begins again
        return see_other(DEVICE)
    leave_notice(CHANGED)
    return see_other("/account")


def _offer() -> ShownSecret:
    services = current_services()
    with services.database.writing() as session:
        return show_secret(prepare_second_factor(session, services.installation, cookie=person_here().token))
