"""Who is here: everybody at one's place, who holds the key, and inviting more."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.base import ValueSchema
from schemas.people import InvitePerson, InviteToInstallationSchema, InviteToSchoolSchema
from transfer_service.domain.errors import AlreadyDone, Invalid, PermissionRefused, RuleForbids
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.roles import MEMBERSHIP_STATE_LABELS, ROLE_LABELS, Actor, OrganisationKind
from transfer_service.use_cases.keys.granting import HOLDER_STATE_LABELS
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.listing import list_people, list_roles_to_invite
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

PEOPLE = "/people"
AUTHORITY_PEOPLE = "/authority/people"
INVITED = declare_notice("person-invited", "The invitation is on its way. The link in it works for 14 days.")
INVITE_SCHEMAS: dict[OrganisationKind, type[ValueSchema[InvitePerson]]] = {
    OrganisationKind.SCHOOL: InviteToSchoolSchema,
    OrganisationKind.INSTALLATION: InviteToInstallationSchema,
}
blueprint = Blueprint("people", __name__)


@blueprint.get(PEOPLE)
@access.requires(Permission.PEOPLE_LIST)
def people() -> ResponseReturnValue:
    """List everybody at the actor's place; an authority's people stand on its own page, beside its schools'."""
    services = current_services()
    actor = current_actor()
    if actor.organisation_kind is OrganisationKind.AUTHORITY:
        return see_other(AUTHORITY_PEOPLE)
    with services.database.reading() as session:
        here = list_people(session, actor)
    return render_template(
        "account/people.html",
        here=here,
        role_labels=ROLE_LABELS,
        state_labels=MEMBERSHIP_STATE_LABELS,
        holder_labels=HOLDER_STATE_LABELS,
        may_invite=bool(list_roles_to_invite(actor)) and can(actor, Permission.PEOPLE_INVITE),
        may_grant=can(actor, Permission.KEYS_GRANT) and actor.holds_keys,
        may_ask_recovery=can(actor, Permission.RECOVERY_REQUEST),
    )


@blueprint.get(f"{PEOPLE}/invite")
@access.requires(Permission.PEOPLE_INVITE)
def invite() -> ResponseReturnValue:
    """Ask whom to invite, and to what."""
    if current_actor().organisation_kind is OrganisationKind.AUTHORITY:
        return see_other(f"{AUTHORITY_PEOPLE}/invite")
    return render_template("account/invite.html", form=Form(), roles=_roles(current_actor()))


@blueprint.post(f"{PEOPLE}/invite")
@access.requires(Permission.PEOPLE_INVITE)
def send_invite() -> ResponseReturnValue:
    """Mail the invitation."""
    actor = current_actor()
    if actor.organisation_kind is OrganisationKind.AUTHORITY:
        return see_other(f"{AUTHORITY_PEOPLE}/invite")
    roles = _roles(actor)
    submitted = submit(INVITE_SCHEMAS[actor.organisation_kind], request.form)
    if submitted.value is None:
        return refused("account/invite.html", submitted.form, roles=roles)
    is_school = actor.organisation_kind is OrganisationKind.SCHOOL
    services = current_services()
    try:
        with services.database.writing() as session:
            invite_person(
                session,
                services.installation,
                actor,
                email=submitted.value.email,
                role=submitted.value.role,
                school_id=actor.organisation_id if is_school else None,
            )
    except Invalid as refusal:
        return refused("account/invite.html", submitted.form.with_errors(refusal.fields), roles=roles)
    except (AlreadyDone, RuleForbids) as refusal:
        form = submitted.form.with_errors({"email": [refusal.sentence]})
        return refused("account/invite.html", form, roles=roles)
    except PermissionRefused as refusal:
        form = submitted.form.with_errors({"role": [refusal.sentence]})
        return refused("account/invite.html", form, roles=roles)
    leave_notice(INVITED)
    return see_other(PEOPLE)


def _roles(actor: Actor) -> list[tuple[str, str]]:
    return [(role.value, ROLE_LABELS[role]) for role in list_roles_to_invite(actor)]
