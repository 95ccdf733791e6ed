"""The password once more, before an act that asks for it; then back to that act."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import PasswordAgainSchema
from transfer_service.domain.errors import SignInRefused
from transfer_service.use_cases.people.signing_in import confirm_password
from transfer_service.web import access
from transfer_service.web.account.acting import CONFIRM_PASSWORD, person_here, wanted
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.equipment import password_work
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit

blueprint = Blueprint("password_again", __name__)


@blueprint.get(CONFIRM_PASSWORD)
@access.signed_in
def ask() -> ResponseReturnValue:
    """Ask for the password."""
    return render_template("account/confirm_password.html", form=Form())


@blueprint.post(CONFIRM_PASSWORD)
@access.signed_in
def check() -> ResponseReturnValue:
    """Check it and lead back."""
    submitted = submit(PasswordAgainSchema, request.form)
    if submitted.value is None:
        return refused("account/confirm_password.html", submitted.form)
    services = current_services()
    try:
        confirm_password(
            services.database,
            services.installation,
            password_work(),
            person_here().actor,
            password=submitted.value.password,
            device=this_device(),
        )
    except SignInRefused as refusal:
        form = submitted.form.with_errors({"password": [refusal.sentence]})
        return refused("account/confirm_password.html", form)
    return see_other(wanted())
