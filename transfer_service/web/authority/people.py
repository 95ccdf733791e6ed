"""The authority's people, and the first people of its schools."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.oversight import FindSchoolSchema, InviteFirstSchema, InviteOfficerSchema
from schemas.people import LetBeginAgainSchema
from transfer_service.domain.errors import AlreadyDone, Invalid
from transfer_service.domain.events import Basis
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MEMBERSHIP_STATE_LABELS, ROLE_LABELS, Role, authority_of
from transfer_service.use_cases.oversight import people as use_cases
from transfer_service.use_cases.people import inviting, letting_begin_again, memberships
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint, errors_beside
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

_PEOPLE: Final = "/authority/people"
_INVITED: Final = declare_notice("authority-invited", "The invitation is sent. Its link works once, for 14 days.")
_WITHDRAWN: Final = declare_notice("authority-invitation-withdrawn", "The invitation is taken back.")
_RESENT: Final = declare_notice("authority-invitation-resent", "A new link is sent. The old one works no more.")
_ENDED: Final = declare_notice("authority-role-ended", "The role has ended, and the person is signed out.")

_LET_BEGIN_AGAIN: Final = declare_notice(
    "authority-let-begin-again", "The role has ended, and a link to begin again is on its way. It works for 14 days."
)

_BASES: Final = (
    {"value": Basis.TELEPHONE_CHECK, "text": "By telephone, on a number that I already had or the register gives"},
    {"value": Basis.IN_PERSON_CHECK, "text": "In person"},
)
_OFFICER_ROLES: Final = (
    {"value": Role.AUTHORITY_OFFICER, "text": ROLE_LABELS[Role.AUTHORITY_OFFICER]},
    {"value": Role.HEAD_OF_SERVICE, "text": ROLE_LABELS[Role.HEAD_OF_SERVICE]},
)
_SCHOOL_ROLES: Final = (
    {
        "value": Role.DESIGNATED_SAFEGUARDING_LEAD,
        "text": ROLE_LABELS[Role.DESIGNATED_SAFEGUARDING_LEAD],
        "hint": "You approve the first one by telephone.",
    },
    {
        "value": Role.DEPUTY_DSL,
        "text": ROLE_LABELS[Role.DEPUTY_DSL],
        "hint": "Where a lead holds the school’s key already, the lead grants it.",
    },
    {"value": Role.HEAD_TEACHER, "text": ROLE_LABELS[Role.HEAD_TEACHER]},
)
_LABELS: Final = {
    "role_labels": ROLE_LABELS,
    "state_labels": MEMBERSHIP_STATE_LABELS,
    "key_roles": frozenset(role.value for role in KEY_HOLDING_ROLES),
}


@blueprint.get("/people")
@access.requires(Permission.FIRST_DSL_APPROVE)
def people() -> str | tuple[str, int]:
    """List the authority's people, and search for a school whose lead is to be invited."""
    services, actor = current_services(), current_actor()
    form, found, searched = Form(), [], "q" in request.args
    if searched:
        submitted = submit(FindSchoolSchema, request.args)
        form = errors_beside(submitted.form, {"q"})
        if submitted.value is not None:
            with services.database.reading() as session:
                found = use_cases.find_own_schools(session, actor, text=submitted.value.q)
    with services.database.reading() as session:
        officers = use_cases.list_officers(session, actor)
    page = render_template(
        "authority/people.html", officers=officers, form=form, found=found, searched=searched, **_LABELS
    )
    return (page, 422) if form.errors else page


@blueprint.get("/people/invite")
@access.requires(Permission.FIRST_DSL_APPROVE)
def ask_officer() -> str:
    """Ask whom to invite into the authority."""
    return render_template("authority/invite_officer.html", form=Form(), roles=_OFFICER_ROLES)


@blueprint.post("/people/invite")
@access.requires(Permission.FIRST_DSL_APPROVE)
def invite_officer() -> Response | tuple[str, int]:
    """Invite an officer."""
    submitted = submit(InviteOfficerSchema, request.form)
    form, asked = submitted.form, submitted.value
    if asked is not None:
        problems = _invite(asked.email, asked.role, school_id=None)
        if not problems:
            return see_other(_PEOPLE)
        form = form.with_errors(problems)
    return refused("authority/invite_officer.html", form, roles=_OFFICER_ROLES)


@blueprint.get("/people/schools/<urn>")
@access.requires(Permission.FIRST_DSL_APPROVE)
def school_people(urn: str) -> str:
    """Show who belongs to a school, and ask whom to invite there."""
    with current_services().database.reading() as session:
        found = use_cases.get_school_people(session, current_actor(), urn=urn)
    form = filled({"role": Role.DESIGNATED_SAFEGUARDING_LEAD})
    return render_template("authority/school_people.html", found=found, form=form, roles=_SCHOOL_ROLES, **_LABELS)


@blueprint.post("/people/schools/<urn>")
@access.requires(Permission.FIRST_DSL_APPROVE)
def invite_first(urn: str) -> Response | tuple[str, int]:
    """Invite one of the first people of a school."""
    with current_services().database.reading() as session:
        found = use_cases.get_school_people(session, current_actor(), urn=urn)
    submitted = submit(InviteFirstSchema, request.form)
    form, asked = submitted.form, submitted.value
    if asked is not None:
        problems = _invite(asked.email, asked.role, school_id=found.school_id)
        if not problems:
            return see_other(f"{_PEOPLE}/schools/{urn}")
        form = form.with_errors(problems)
    return refused("authority/school_people.html", form, found=found, roles=_SCHOOL_ROLES, **_LABELS)


@blueprint.post("/people/<uuid:membership_id>/resend")
@access.requires(Permission.FIRST_DSL_APPROVE)
def resend(membership_id: UUID) -> Response:
    """Send an invitation again."""
    services = current_services()
    with services.database.writing() as session:
        inviting.resend_invitation(session, services.installation, current_actor(), membership_id=membership_id)
    leave_notice(_RESENT)
    return see_other(_PEOPLE)


@blueprint.post("/people/<uuid:membership_id>/withdraw")
@access.requires(Permission.FIRST_DSL_APPROVE)
def withdraw(membership_id: UUID) -> Response:
    """Take an invitation back."""
    services = current_services()
    with services.database.writing() as session:
        inviting.withdraw_invitation(session, services.installation, current_actor(), membership_id=membership_id)
    leave_notice(_WITHDRAWN)
    return see_other(_PEOPLE)


@blueprint.get("/people/<uuid:membership_id>/end")
@access.requires(Permission.FIRST_DSL_APPROVE)
def ask_end(membership_id: UUID) -> str:
    """Say what ending a role means, before it is done."""
    return render_template("authority/end_role.html", form=Form(), **_about(membership_id))


@blueprint.post("/people/<uuid:membership_id>/end")
@access.requires(Permission.FIRST_DSL_APPROVE)
def end(membership_id: UUID) -> Response:
    """End a role at the authority or at one of its schools."""
    services, actor = current_services(), current_actor()
    with services.database.writing() as session:
        found = use_cases.get_person(session, actor, membership_id=membership_id)
        memberships.end_membership(session, services.installation, actor, membership_id=membership_id)
    leave_notice(_ENDED)
    return see_other(_list_of(found))


@blueprint.get("/people/<uuid:membership_id>/again")
@access.requires(Permission.FIRST_DSL_APPROVE)
def ask_again(membership_id: UUID) -> str:
    """Say what happens when somebody who lost everything begins again, and ask how the officer spoke with them."""
    return render_template("authority/let_begin_again.html", form=Form(), bases=_BASES, **_about(membership_id))


@blueprint.post("/people/<uuid:membership_id>/again")
@access.requires(Permission.FIRST_DSL_APPROVE)
def let_again(membership_id: UUID) -> Response | tuple[str, int]:
    """End somebody's roles at the authority or one of its schools, and mail the link to begin again."""
    about = _about(membership_id)
    submitted = submit(LetBeginAgainSchema, request.form)
    if submitted.value is None:
        return refused("authority/let_begin_again.html", submitted.form, bases=_BASES, **about)
    services = current_services()
    with services.database.writing() as session:
        letting_begin_again.let_begin_again(
            session,
            services.installation,
            current_actor(),
            membership_id=membership_id,
            basis=submitted.value.basis,
        )
    leave_notice(_LET_BEGIN_AGAIN)
    return see_other(about["list_address"])


def _about(membership_id: UUID) -> dict[str, Any]:
    """Return what a page about one person shows, with the list that it leads back to."""
    with current_services().database.reading() as session:
        found = use_cases.get_person(session, current_actor(), membership_id=membership_id)
    return {
        "one": found.person,
        "school": found.school,
        "is_key_role": found.person.role in KEY_HOLDING_ROLES,
        "list_address": _list_of(found),
        **_LABELS,
    }


def _list_of(found: use_cases.PersonSomewhere) -> str:
    return f"{_PEOPLE}/schools/{found.school.urn}" if found.school else _PEOPLE


def _invite(email: str, role: Role, *, school_id: UUID | None) -> dict[str, tuple[str, ...]]:
    """Invite somebody; returns what is wrong with the form, by field, or nothing."""
    services, actor = current_services(), current_actor()
    try:
        with services.database.writing() as session:
            inviting.invite_person(
                session,
                services.installation,
                actor,
                email=email,
                role=role,
                school_id=school_id,
                authority_id=None if school_id else authority_of(actor),
            )
    except Invalid as refusal:
        return dict(refusal.fields)
    except AlreadyDone as refusal:
        return {"email": (refusal.sentence,)}
    leave_notice(_INVITED)
    return {}
