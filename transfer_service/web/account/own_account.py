"""One's own account: name, password, sessions."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import ChangePasswordSchema, OwnNameSchema
from transfer_service.domain.errors import Invalid, SignInRefused
from transfer_service.use_cases.people.backup_code_rows import count_backup_codes
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.naming import change_name
from transfer_service.use_cases.people.sessions import end_other_sessions, end_own_session, list_own_sessions
from transfer_service.web import access
from transfer_service.web.account.acting import live_session, person_here
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.equipment import password_work
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

ACCOUNT = "/account"
NAME_CHANGED = declare_notice("own-name-changed", "Your name was changed.")
PASSWORD_CHANGED = declare_notice(
    "own-password-changed", "Your password was changed. You were signed out everywhere else."
)
SESSION_ENDED = declare_notice("own-session-ended", "That session was ended.")
SESSIONS_ENDED = declare_notice(
    "own-sessions-ended", "All your other sessions were ended, and every device will be asked for a code."
)
blueprint = Blueprint("own_account", __name__)


@blueprint.get(ACCOUNT)
@access.signed_in
def account() -> ResponseReturnValue:
    """Show what the person can look after."""
    services = current_services()
    live = live_session()
    with services.database.reading() as session:
        sessions = list_own_sessions(session, services.installation, live.actor)
        codes = count_backup_codes(session, services.installation, live.person_id)
    return render_template("account/account.html", live=live, sessions=sessions, codes=codes)


@blueprint.get(f"{ACCOUNT}/name")
@access.signed_in
def name() -> ResponseReturnValue:
    """Ask for another name."""
    return render_template("account/name.html", form=filled({"name": person_here().person_name}))


@blueprint.post(f"{ACCOUNT}/name")
@access.signed_in
def send_name() -> ResponseReturnValue:
    """Change the name."""
    submitted = submit(OwnNameSchema, request.form)
    if submitted.value is None:
        return refused("account/name.html", submitted.form)
    services = current_services()
    with services.database.writing() as session:
        change_name(session, services.installation, person_here().actor, name=submitted.value.name)
    leave_notice(NAME_CHANGED)
    return see_other(ACCOUNT)


@blueprint.get(f"{ACCOUNT}/password")
@access.signed_in
def password() -> ResponseReturnValue:
    """Ask for the present password and a new one."""
    return render_template("account/password.html", form=Form())


@blueprint.post(f"{ACCOUNT}/password")
@access.signed_in
def send_password() -> ResponseReturnValue:
    """Change the password."""
    submitted = submit(ChangePasswordSchema, request.form)
    if submitted.value is None:
        return refused("account/password.html", submitted.form)
    services = current_services()
    try:
        change_password(
            services.database,
            services.installation,
            password_work(),
            person_here().actor,
            old_password=submitted.value.current_password,
            new_password=submitted.value.password,
            device=this_device(),
        )
    except SignInRefused as refusal:
        return refused("account/password.html", submitted.form.with_errors({"current_password": [refusal.sentence]}))
    except Invalid as refusal:
        return refused("account/password.html", submitted.form.with_errors(refusal.fields))
    leave_notice(PASSWORD_CHANGED)
    return see_other(ACCOUNT)


@blueprint.post(f"{ACCOUNT}/sessions/<uuid:session_id>/end")
@access.signed_in
def end_session(session_id: UUID) -> ResponseReturnValue:
    """End one of the person's own sessions."""
    services = current_services()
    with services.database.writing() as session:
        end_own_session(session, services.installation, person_here().actor, session_id=session_id)
    leave_notice(SESSION_ENDED)
    return see_other(ACCOUNT)


@blueprint.post(f"{ACCOUNT}/sessions/end-others")
@access.signed_in
def end_others() -> ResponseReturnValue:
    """End all of the person's sessions but this one."""
    services = current_services()
    with services.database.writing() as session:
        end_other_sessions(session, services.installation, person_here().actor)
    leave_notice(SESSIONS_ENDED)
    return see_other(ACCOUNT)
