"""Taking up an invitation, from the link in the mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import AcceptInvitationSchema, BeginAgainSchema
from schemas.base import NothingSchema, ValueSchema
from transfer_service.domain.errors import Invalid
from transfer_service.domain.roles import KEY_HOLDING_ROLES, ROLE_LABELS
from transfer_service.use_cases.people.accepting import accept_another_invitation, accept_invitation
from transfer_service.use_cases.people.beginning_again import begin_again
from transfer_service.use_cases.people.invitation_links import InvitationFacts, find_invitation_facts
from transfer_service.use_cases.people.link_mails import INVITATION_PATH
from transfer_service.use_cases.people.session_keys import StartedSession
from transfer_service.web import access
from transfer_service.web.account.acting import ARRIVE, person_here, with_next
from transfer_service.web.account.browser import this_device
from transfer_service.web.account.equipment import password_work
from transfer_service.web.account.signing_in import SIGN_IN, go_on
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.sessions import signed_in

V = TypeVar("V")
blueprint = Blueprint("invitations", __name__)


@blueprint.get(f"{INVITATION_PATH}<token>")
@access.public("the link in the mail is the proof; people have no account yet")
def invitation(token: str) -> ResponseReturnValue:
    """Say who invited to what, and ask for a name and a password; or only to confirm, from those with an account."""
    return render_template("account/invitation.html", form=Form(), **_context(_facts(token), token))


@blueprint.post(f"{INVITATION_PATH}<token>")
@access.public("as the page with the form")
def accept(token: str) -> ResponseReturnValue:
    """Make the account; the authenticator app is set up next."""
    database, at = current_services().database, current_services().installation
    return _start(
        token,
        AcceptInvitationSchema,
        "account/invitation.html",
        lambda given: accept_invitation(
            database, at, password_work(),
            token=token, name=given.name, password=given.password, device=this_device(),
        ),
    )  # fmt: skip


@blueprint.get(f"{INVITATION_PATH}<token>/again")
@access.public("the link in the mail is the proof; these people cannot sign in any more")
def again(token: str) -> ResponseReturnValue:
    """Say what beginning again means, and ask for another password; or say who has to end a role first."""
    return render_template("account/begin_again.html", form=Form(), **_context(_facts(token), token))


@blueprint.post(f"{INVITATION_PATH}<token>/again")
@access.public("as the page with the form")
def send_again(token: str) -> ResponseReturnValue:
    """Begin the account again; the authenticator app is set up next."""
    database, at = current_services().database, current_services().installation
    return _start(
        token,
        BeginAgainSchema,
        "account/begin_again.html",
        lambda given: begin_again(
            database, at, password_work(), token=token, password=given.password, device=this_device()
        ),
    )


@blueprint.post(f"{INVITATION_PATH}<token>/join")
@access.signed_in
def join(token: str) -> ResponseReturnValue:
    """Take up another invitation with the account that the person has."""
    submitted = submit(NothingSchema, request.form)
    if submitted.value is None:
        raise Invalid(submitted.form.errors)
    services = current_services()
    with services.database.writing() as session:
        accept_another_invitation(session, services.installation, person_here().actor, token=token)
    return see_other(with_next(ARRIVE, "/choose-place"))


def _start(
    token: str, schema: type[ValueSchema[V]], template: str, make: Callable[[V], StartedSession]
) -> ResponseReturnValue:
    """Make an account from a form with a password, or show the form again; the authenticator app is next."""
    facts = _facts(token)
    submitted = submit(schema, request.form)
    if submitted.value is None:
        return refused(template, submitted.form, **_context(facts, token))
    try:
        started = make(submitted.value)
    except Invalid as refusal:
        return refused(template, submitted.form.with_errors(refusal.fields), **_context(facts, token))
    return go_on(started, "/")


def _facts(token: str) -> InvitationFacts:
    services = current_services()
    with services.database.reading() as session:
        return find_invitation_facts(session, services.installation, token=token)


def _context(facts: InvitationFacts, token: str) -> dict[str, object]:
    person = signed_in()
    is_self = person is not None and person.actor.person_id == facts.person_id
    link = f"{INVITATION_PATH}{token}"
    return {
        "facts": facts,
        "role_label": ROLE_LABELS[facts.role],
        "is_key_role": facts.role in KEY_HOLDING_ROLES,
        "is_self": is_self,
        "somebody_else": person is not None and not is_self,
        "link": link,
        "sign_in_address": with_next(SIGN_IN, link),
    }
