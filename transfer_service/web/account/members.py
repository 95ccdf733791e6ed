"""One colleague: what can be done, sending an invitation again, leaving, being away and coming back."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.people import LetBeginAgainSchema
from transfer_service.domain.errors import CannotOpen, KeyMissing, RuleForbids
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MEMBERSHIP_STATE_LABELS, ROLE_LABELS
from transfer_service.use_cases.keys.granting import HOLDER_STATE_LABELS
from transfer_service.use_cases.keys.holding import SchoolKeys, open_school_keys
from transfer_service.use_cases.people.inviting import resend_invitation, withdraw_invitation
from transfer_service.use_cases.people.letting_begin_again import let_begin_again, may_let_begin_again
from transfer_service.use_cases.people.listing import Colleague, get_colleague
from transfer_service.use_cases.people.memberships import end_membership, return_membership, suspend_membership
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web import access
from transfer_service.web.account.acting import person_here
from transfer_service.web.account.people import PEOPLE
from transfer_service.web.account.school_keys import BASES
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, submit
from transfer_service.web.notices import Notice, declare_notice, leave_notice

T = TypeVar("T")
RESENT = declare_notice("invitation-resent", "A new link was sent. The old one does not work any more.")
WITHDRAWN = declare_notice("invitation-withdrawn", "The invitation was withdrawn. Its link does not work any more.")
ENDED = declare_notice("membership-ended", "Their access has ended.")
ENDED_RENEWED = declare_notice(
    "membership-ended-renewed", "Their access has ended, and your school has a new key that they do not hold."
)
SUSPENDED = declare_notice("membership-suspended", "Their access has stopped until somebody lets them come back.")
RETURNED = declare_notice("membership-returned", "They can sign in again.")
RETURNED_TO_KEYS = declare_notice(
    "membership-returned-keys", "They can sign in again. To read files they must be given the school’s key again."
)
LET_BEGIN_AGAIN = declare_notice(
    "let-begin-again", "Their access has ended, and a link to begin again is on its way to them. It works for 14 days."
)
blueprint = Blueprint("members", __name__)


@blueprint.get(f"{PEOPLE}/<uuid:membership_id>")
@access.requires(Permission.PEOPLE_LIST)
def member(membership_id: UUID) -> ResponseReturnValue:
    """Show one colleague and what can be done."""
    return _render("account/member.html", membership_id)


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/resend")
@access.requires(Permission.PEOPLE_INVITE)
def resend(membership_id: UUID) -> ResponseReturnValue:
    """Send the invitation again, with a new link."""
    services = current_services()
    with services.database.writing() as session:
        resend_invitation(session, services.installation, current_actor(), membership_id=membership_id)
    return _done(RESENT)


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/withdraw")
@access.requires(Permission.PEOPLE_INVITE)
def withdraw(membership_id: UUID) -> ResponseReturnValue:
    """Take the invitation back."""
    services = current_services()
    with services.database.writing() as session:
        withdraw_invitation(session, services.installation, current_actor(), membership_id=membership_id)
    return _done(WITHDRAWN)


@blueprint.get(f"{PEOPLE}/<uuid:membership_id>/end")
@access.requires(Permission.PEOPLE_END)
def end(membership_id: UUID) -> ResponseReturnValue:
    """Say what will happen when the colleague leaves, and ask whether to do it."""
    return _render("account/end_membership.html", membership_id)


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/end")
@access.requires(Permission.PEOPLE_END)
def send_end(membership_id: UUID) -> ResponseReturnValue:
    """End the colleague's role; a key holder's act also makes the school's next key."""
    try:
        renewed = _act_with_keys(end_membership, membership_id, with_keys=current_actor().holds_keys)
    except (CannotOpen, KeyMissing, RuleForbids):
        # A key that cannot be renewed must not keep a leaver in: access ends now, the new key is asked for.
        renewed = _act_with_keys(end_membership, membership_id, with_keys=False)
    return _done(ENDED_RENEWED if renewed else ENDED)


@blueprint.get(f"{PEOPLE}/<uuid:membership_id>/again")
@access.requires(Permission.PEOPLE_END)
def let_again(membership_id: UUID) -> ResponseReturnValue:
    """Say what happens when a colleague who lost everything begins again, and ask how the actor spoke with them."""
    return _render("account/let_begin_again.html", membership_id, form=Form(), bases=BASES)


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/again")
@access.requires(Permission.PEOPLE_END)
def send_let_again(membership_id: UUID) -> ResponseReturnValue:
    """End the colleague's access and mail the link to begin again; a key holder's act also makes the next key."""
    submitted = submit(LetBeginAgainSchema, request.form)
    if submitted.value is None:
        page = _render("account/let_begin_again.html", membership_id, form=submitted.form, bases=BASES)
        return page, HTTPStatus.UNPROCESSABLE_ENTITY
    basis = submitted.value.basis
    try:
        _act_with_keys(let_begin_again, membership_id, with_keys=current_actor().holds_keys, basis=basis)
    except (CannotOpen, KeyMissing):
        # What was lost may be in somebody's hands: access ends now, and the new key is asked for.
        _act_with_keys(let_begin_again, membership_id, with_keys=False, basis=basis)
    return _done(LET_BEGIN_AGAIN)


@blueprint.get(f"{PEOPLE}/<uuid:membership_id>/suspend")
@access.requires(Permission.PEOPLE_END)
def suspend(membership_id: UUID) -> ResponseReturnValue:
    """Say what will happen while the colleague is away, and ask whether to do it."""
    return _render("account/suspend_membership.html", membership_id)


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/suspend")
@access.requires(Permission.PEOPLE_END)
def send_suspend(membership_id: UUID) -> ResponseReturnValue:
    """Stop the colleague's access for the time being."""
    services = current_services()
    with services.database.writing() as session:
        suspend_membership(session, services.installation, current_actor(), membership_id=membership_id)
    return _done(SUSPENDED)


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/return")
@access.requires(Permission.PEOPLE_END)
def send_return(membership_id: UUID) -> ResponseReturnValue:
    """Let the colleague come back."""
    services = current_services()
    with services.database.writing() as session:
        colleague = get_colleague(session, current_actor(), membership_id=membership_id)
        return_membership(session, services.installation, current_actor(), membership_id=membership_id)
    return _done(RETURNED_TO_KEYS if colleague.role in KEY_HOLDING_ROLES else RETURNED)


def _act_with_keys(act: Callable[..., T], membership_id: UUID, *, with_keys: bool, **said: object) -> T:
    """Do what makes the school's next key in passing, where the actor's own keys are opened for it."""
    services = current_services()
    actor, at, person = current_actor(), services.installation, person_here()
    with services.database.writing() as session:
        keys: SchoolKeys | None = None
        if with_keys:
            keys = open_school_keys(session, at, actor, open_person_key(session, at, cookie=person.token))
        return act(session, at, actor, membership_id=membership_id, school_keys=keys, **said)


def _render(template: str, membership_id: UUID, **more: object) -> str:
    services = current_services()
    actor = current_actor()
    with services.database.reading() as session:
        colleague: Colleague = get_colleague(session, actor, membership_id=membership_id)
    return render_template(
        template,
        colleague=colleague,
        name=colleague.name or colleague.email,
        role_label=ROLE_LABELS[colleague.role],
        state_label=MEMBERSHIP_STATE_LABELS[colleague.state],
        holder_labels=HOLDER_STATE_LABELS,
        is_key_role=colleague.role in KEY_HOLDING_ROLES,
        may_invite=can(actor, Permission.PEOPLE_INVITE),
        may_end=can(actor, Permission.PEOPLE_END) and not colleague.is_self,
        may_grant=can(actor, Permission.KEYS_GRANT) and actor.holds_keys and not colleague.is_self,
        may_let_begin_again=may_let_begin_again(actor, colleague.role, colleague.state, is_self=colleague.is_self),
        actor_holds_keys=actor.holds_keys,
        **more,
    )


def _done(notice: Notice) -> ResponseReturnValue:
    leave_notice(notice)
    return see_other(PEOPLE)
