"""Inviting people by a link that works once, for fourteen days. Nothing here can unlock anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.bearer import LinkToken
from transfer_service.db.models import Authority, Invitation, Membership, Person, School
from transfer_service.db.queries import people as people_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import AlreadyDone, Invalid, NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import (
    AUTHORITY_ROLES,
    KEY_HOLDING_ROLES,
    ROLES_OF,
    SCHOOL_ROLES,
    Actor,
    MembershipState,
    OrganisationKind,
    Role,
)
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.addresses import check_new_email
from transfer_service.use_cases.people.link_mails import INVITATION_PATH, withdraw_dead_links
from transfer_service.use_cases.people.locking import lock_membership, lock_or_add_person
from transfer_service.use_cases.recording import entry, record_all

INVITATION_LASTS: Final = timedelta(days=14)
# At a school the people who know one another; an authority names a school's first people and its own; the
# administrator installs, and names nobody at a school.
_MAY_INVITE: Mapping[Role, frozenset[Role]] = MappingProxyType(
    {
        Role.DESIGNATED_SAFEGUARDING_LEAD: SCHOOL_ROLES,
        Role.DEPUTY_DSL: SCHOOL_ROLES,
        Role.HEAD_TEACHER: SCHOOL_ROLES,
        Role.HEAD_OF_SERVICE: AUTHORITY_ROLES | KEY_HOLDING_ROLES | {Role.HEAD_TEACHER},
        Role.AUTHORITY_OFFICER: AUTHORITY_ROLES | KEY_HOLDING_ROLES | {Role.HEAD_TEACHER},
        Role.ADMINISTRATOR: AUTHORITY_ROLES | {Role.ADMINISTRATOR},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation as it was made. `token` is shown nowhere but in the mail and, once, on the command line."""

    invitation_id: UUID
    membership_id: UUID
    expires_at: datetime
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the link."""
        return INVITATION_PATH + self.token


def roles_that_may_be_invited(actor: Actor) -> frozenset[Role]:
    """Return the roles that the actor may invite somebody into."""
    invited: frozenset[Role] = frozenset()
    for role in actor.effective_roles:
        invited |= _MAY_INVITE.get(role, frozenset())
    return invited


def invite_person(
    session: Session,
    at: Installation,
    actor: Actor | None,
    *,
    email: str,
    role: Role,
    school_id: UUID | None = None,
    authority_id: UUID | None = None,
) -> Invited:
    """Invite somebody into a role at a school, an authority, or with neither into the installation.

    `actor` is None for the command line. The mail carries the link. Raises NotFound for a place that the actor may
    not act for, PermissionRefused for a role that is not the actor's to give, Invalid, RuleForbids for a closed
    school or an authority that has not joined, AlreadyDone where the person has the role or is invited, TooManyAttempts
    where the address was sent too many invitations.
    """
    check_place(session, actor, school_id=school_id, authority_id=authority_id)
    if actor is not None:
        permissions.check(actor, Permission.PEOPLE_INVITE)
        if role not in roles_that_may_be_invited(actor):
            raise PermissionRefused(
                Permission.PEOPLE_INVITE,
                "Your role does not let you invite somebody into that role. Ask your authority or the administrator.",
            )
    _check_role_fits(role, school_id=school_id, authority_id=authority_id)
    address = check_new_email(email)
    person = lock_or_add_person(session, at, email=address)
    _check_not_there_yet(session, person, role, school_id=school_id, authority_id=authority_id)
    basis = Basis.ROLE if actor else Basis.COMMAND_LINE
    invited, leaves = offer_role(
        session, at, actor, person, role=role, school_id=school_id, authority_id=authority_id, basis=basis
    )
    record_all(session, at, leaves)
    return invited


def offer_role(
    session: Session,
    at: Installation,
    actor: Actor | None,
    person: Person,
    *,
    role: Role,
    school_id: UUID | None,
    authority_id: UUID | None,
    basis: Basis,
) -> tuple[Invited, list[Entry]]:
    """Offer a locked person a role by mail, for the act that it is a part of; returns the invitation and its leaves.

    The caller has checked place, role and permission, and records the leaves. Raises TooManyAttempts.
    """
    membership = Membership(
        id=at.new_id(),
        person_id=person.id,
        school_id=school_id,
        authority_id=authority_id,
        role=role,
        state=MembershipState.INVITED,
        created_at=at.now(),
        created_by=actor.person_id if actor else None,
    )
    session.add(membership)
    session.flush()
    invited, leaves = _make_invitation(session, at, membership, person)
    return invited, [*leaves, _leaf(actor, Event.PERSON_INVITED, membership, basis)]


def resend_invitation(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> Invited:
    """Send a new link and let the old one work no more; raises NotFound, PermissionRefused, TooManyAttempts."""
    membership, person = _get_invited(session, actor, membership_id)
    permissions.check(actor, Permission.PEOPLE_INVITE)
    invited, leaves = _make_invitation(session, at, membership, person)
    record_all(session, at, [*leaves, _leaf(actor, Event.PERSON_INVITED, membership, Basis.ROLE)])
    return invited


def withdraw_invitation(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> None:
    """Take an invitation back: the link works no more, and a mail that waits with it does not go out.

    Raises NotFound, PermissionRefused.
    """
    membership, person = _get_invited(session, actor, membership_id)
    permissions.check(actor, Permission.PEOPLE_INVITE)
    session.execute(delete(Invitation).where(Invitation.membership_id == membership.id))
    membership.state = MembershipState.ENDED
    membership.ended_at = at.now()
    membership.ended_by = actor.person_id
    leaves = withdraw_dead_links(session, at, person)
    record_all(session, at, [*leaves, _leaf(actor, Event.INVITATION_WITHDRAWN, membership, Basis.ROLE)])


def may_act_for(session: Session, actor: Actor, *, school_id: UUID | None, authority_id: UUID | None) -> bool:
    """Tell whether a place is the actor's own, or a school of the actor's authority, or any for the administrator."""
    if actor.organisation_kind is OrganisationKind.INSTALLATION:
        return school_id is None
    if school_id is None:
        return authority_id is not None and authority_id == actor.organisation_id
    if actor.organisation_kind is OrganisationKind.SCHOOL:
        return school_id == actor.organisation_id
    owner = session.scalar(select(School.authority_id).where(School.id == school_id))
    return owner is not None and owner == actor.organisation_id


def check_place(session: Session, actor: Actor | None, *, school_id: UUID | None, authority_id: UUID | None) -> None:
    """Raise NotFound for a place that the actor may not act for (None may), RuleForbids where it takes nobody."""
    school = session.get(School, school_id) if school_id else None
    if school_id and school is None:
        raise NotFound("school")
    authority = (
        session.get(Authority, school.authority_id if school else authority_id) if school or authority_id else None
    )
    if authority_id and authority is None:
        raise NotFound("authority")
    if actor is not None and not may_act_for(session, actor, school_id=school_id, authority_id=authority_id):
        raise NotFound("school" if school_id else "authority")
    if authority is not None and authority.enrolled_at is None:
        raise RuleForbids(
            "authority_not_enrolled",
            "The authority has not joined the service yet. Ask the administrator to enrol it first.",
        )
    if school is not None and school.is_closed:
        raise RuleForbids("school_closed", "The school is closed. Invite people at the school that took over from it.")


def _check_role_fits(role: Role, *, school_id: UUID | None, authority_id: UUID | None) -> None:
    if school_id is not None:
        kind = OrganisationKind.SCHOOL
    else:
        kind = OrganisationKind.INSTALLATION if authority_id is None else OrganisationKind.AUTHORITY
    if role not in ROLES_OF[kind]:
        raise Invalid({"role": ["Choose a role that exists at this organisation"]})


def _check_not_there_yet(
    session: Session, person: Person, role: Role, *, school_id: UUID | None, authority_id: UUID | None
) -> None:
    live = people_queries.find_live_memberships(session, person.id, school_id=school_id, authority_id=authority_id)
    for membership in live:
        if membership.role is not role:
            continue
        if membership.state is MembershipState.INVITED:
            raise AlreadyDone("invite", "This person is invited already. Send the invitation again if it was lost.")
        raise AlreadyDone("invite", "This person has that role here already. Nothing was changed.")


def _make_invitation(
    session: Session, at: Installation, membership: Membership, person: Person
) -> tuple[Invited, list[Entry]]:
    """Make a link in place of any earlier one, and queue its mail; returns the leaves of mails that it withdraws."""
    session.execute(delete(Invitation).where(Invitation.membership_id == membership.id))
    leaves = withdraw_dead_links(session, at, person)
    attempts.count_invitation(session, at, email=person.email)
    token = LinkToken.generate()
    invitation = Invitation(
        id=at.new_id(),
        membership_id=membership.id,
        token_hash=token.lookup,
        created_at=at.now(),
        expires_at=at.now() + INVITATION_LASTS,
    )
    session.add(invitation)
    alert_person(session, at, AlertKind.INVITATION, person, secret=INVITATION_PATH + token.text)
    invited = Invited(
        invitation_id=invitation.id,
        membership_id=membership.id,
        expires_at=invitation.expires_at,
        token=token.text,
    )
    return invited, leaves


def _get_invited(session: Session, actor: Actor, membership_id: UUID) -> tuple[Membership, Person]:
    row = lock_membership(session, actor, membership_id)
    if (
        row is None
        or row.membership.state is not MembershipState.INVITED
        or not may_act_for(session, actor, school_id=row.membership.school_id, authority_id=row.membership.authority_id)
    ):
        raise NotFound("invitation")
    return row.membership, row.person


def _leaf(actor: Actor | None, event: Event, membership: Membership, basis: Basis) -> Entry:
    return entry(actor, event, org=membership.organisation_id, subject=membership.id, basis=basis)
