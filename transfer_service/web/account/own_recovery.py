"""The recovery code: why, the code for its one showing, and two of its groups typed back."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import ConfirmRecoveryCodeSchema
from schemas.base import NothingSchema
from transfer_service.domain.errors import Invalid, RuleForbids
from transfer_service.use_cases.people.recovery_codes import (
    confirm_recovery_code,
    get_asked_groups,
    issue_recovery_code,
)
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web import access
from transfer_service.web.account.acting import (
    ARRIVE,
    live_session,
    needs_password,
    person_here,
    wanted,
    with_next,
)
from transfer_service.web.account.arriving import RECOVERY_CODE
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, submit
from transfer_service.web.notices import declare_notice, leave_notice

CONFIRM = f"{RECOVERY_CODE}/confirm"
GROUP_NAMES = ("first_group_code", "second_group_code")
CONFIRMED = declare_notice("recovery-code-confirmed", "Your recovery code is ready. Only you have it: keep it safe.")
blueprint = Blueprint("own_recovery", __name__)


@blueprint.get(RECOVERY_CODE)
@access.signed_in
def explain() -> ResponseReturnValue:
    """Say what a recovery code is for, and offer to show one."""
    live = live_session()
    return needs_password(live) or render_template(
        "account/recovery_code_intro.html",
        has_code=live.has_recovery_code,
        show_address=with_next(f"{RECOVERY_CODE}/show", wanted()),
        later_address=with_next(ARRIVE, wanted(), later="yes"),
    )


@blueprint.post(f"{RECOVERY_CODE}/show")
@access.signed_in
def show() -> ResponseReturnValue:
    """Show the code. Reloading shows the same one until it is confirmed."""
    submitted = submit(NothingSchema, request.form)
    if submitted.value is None:
        raise Invalid(submitted.form.errors)
    services = current_services()
    person = person_here()
    with services.database.writing() as session:
        shown = issue_recovery_code(session, services.installation, person.actor, cookie=person.token)
    return render_template(
        "account/recovery_code_shown.html", groups=shown.groups, confirm_address=with_next(CONFIRM, wanted())
    )


@blueprint.get(CONFIRM)
@access.signed_in
def confirm() -> ResponseReturnValue:
    """Ask for two groups of the code, from the paper."""
    asked = _asked()
    if asked is None:
        return see_other(with_next(RECOVERY_CODE, wanted()))
    return _render_confirm(Form(), asked)


@blueprint.post(CONFIRM)
@access.signed_in
def send_confirm() -> ResponseReturnValue:
    """Compare the two groups; from now on the code works."""
    asked = _asked()
    if asked is None:
        return see_other(with_next(RECOVERY_CODE, wanted()))
    submitted = submit(ConfirmRecoveryCodeSchema, request.form)
    if submitted.value is None:
        return _render_confirm(submitted.form, asked), 422
    services = current_services()
    person = person_here()
    at = services.installation
    try:
        with services.database.writing() as session:
            key = open_person_key(session, at, cookie=person.token)
            retyped = (submitted.value.first_group_code, submitted.value.second_group_code)
            confirm_recovery_code(session, at, person.actor, person_key=key, retyped=retyped)
    except Invalid as refusal:
        names = {f"group_{place}": name for place, name in zip(asked, GROUP_NAMES, strict=True)}
        errors = {names[field]: messages for field, messages in refusal.fields.items()}
        return _render_confirm(submitted.form.with_errors(errors), asked), 422
    leave_notice(CONFIRMED)
    return see_other(with_next(ARRIVE, wanted()))


def _asked() -> tuple[int, int] | None:
    """Which groups are asked for, or None where no code waits to be confirmed."""
    services = current_services()
    person = person_here()
    try:
        with services.database.reading() as session:
            key = open_person_key(session, services.installation, cookie=person.token)
            return get_asked_groups(session, services.installation, person.actor, person_key=key)
    except RuleForbids:
        return None


def _render_confirm(form: Form, asked: tuple[int, int]) -> str:
    return render_template(
        "account/recovery_code_confirm.html",
        form=form,
        first=asked[0] + 1,
        second=asked[1] + 1,
        back_address=with_next(RECOVERY_CODE, wanted()),
    )
