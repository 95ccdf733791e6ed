"""Letting somebody begin again who lost the device for codes, the backup codes and the recovery code.

Nobody resets a second factor: whoever could would be able to sign in as somebody else. So a colleague, or an officer,
who spoke with the person ends the roles at their place with all that these held, and offers them anew by mail to the
same address. Who has no role left anywhere may begin the account again from that link (`beginning_again`), with
another password, device and key; a key that opens nothing until somebody vouches for it, as for anybody who is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import Membership, Person
from transfer_service.db.queries import people as people_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.events import Basis
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, MembershipState, Role
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.granting import COMPARING_BASES
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.people.inviting import (
    Invited,
    check_place,
    offer_role,
    roles_that_may_be_invited,
)
from transfer_service.use_cases.people.memberships import check_not_own, end_roles, lock_colleague
from transfer_service.use_cases.recording import record_all

_HELD: Final = frozenset({MembershipState.ACTIVE, MembershipState.AWAITING_APPROVAL, MembershipState.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class LetBeginAgain:
    """What came of it: the invitations, the roles that only ended, and whether the school has a new key."""

    offered: tuple[Invited, ...]
    only_ended: tuple[Role, ...]
    has_new_epoch: bool


def may_let_begin_again(actor: Actor, role: Role, state: MembershipState, *, is_self: bool) -> bool:
    """Tell whether the actor may let somebody in such a role begin again, for a page to offer it."""
    granted = permissions.can(actor, Permission.PEOPLE_END) and permissions.can(actor, Permission.PEOPLE_INVITE)
    return granted and not is_self and state in _HELD and role in roles_that_may_be_invited(actor)


def let_begin_again(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    membership_id: UUID,
    basis: Basis,
    school_keys: SchoolKeys | None = None,
) -> LetBeginAgain:
    """End all that a person is at the actor's place and offer it anew to the same address.

    `basis` says how the actor made sure that it is the person who asks; by mail does not count: whoever reads the
    mail would get the link. With the actor's `school_keys` the school's next epoch is made in this act. A role that
    the actor may not offer only ends; one that was only offered stays so. Raises NotFound, PermissionRefused,
    RuleForbids for oneself, without a word with the person, or for a place that takes nobody, TooManyAttempts.
    """
    chosen, person = lock_colleague(session, actor, membership_id)
    permissions.check(actor, Permission.PEOPLE_END)
    permissions.check(actor, Permission.PEOPLE_INVITE)
    check_not_own(actor, person)
    if chosen.state not in _HELD:
        raise NotFound("colleague")
    allowed = roles_that_may_be_invited(actor)
    if chosen.role not in allowed:
        raise PermissionRefused(
            Permission.PEOPLE_INVITE,
            "Your role does not let you invite somebody into that role. Ask somebody at the school to do it.",
        )
    if basis not in COMPARING_BASES:
        raise RuleForbids("not_spoken", "Say whether you spoke with the person by telephone or in person.")
    check_place(session, actor, school_id=chosen.school_id, authority_id=chosen.authority_id)
    return _end_and_offer(
        session, at, actor, person, _list_held(session, person, chosen.school_id, chosen.authority_id),
        allowed=allowed, basis=basis, school_keys=school_keys,
    )  # fmt: skip


def let_overseer_begin_again(
    session: Session, at: Installation, *, email: str, authority_id: UUID | None
) -> LetBeginAgain:
    """Do the same from the command line, for who has no colleague: at an authority, or with None an administrator.

    Raises RuleForbids where nobody with this address has a role there, TooManyAttempts.
    """
    person = people_queries.find_person_by_email(session, email, lock=True)
    held = _list_held(session, person, None, authority_id) if person is not None else []
    if person is None or not held:
        raise RuleForbids("nobody_there", "Nobody with this email address has a role there. Check address and place.")
    return _end_and_offer(session, at, None, person, held, allowed=frozenset(Role), basis=Basis.COMMAND_LINE)


def _list_held(session: Session, person: Person, school_id: UUID | None, authority_id: UUID | None) -> list[Membership]:
    found = people_queries.find_live_memberships(session, person.id, school_id=school_id, authority_id=authority_id)
    return [membership for membership in found if membership.state in _HELD]


def _end_and_offer(
    session: Session,
    at: Installation,
    actor: Actor | None,
    person: Person,
    held: Sequence[Membership],
    *,
    allowed: frozenset[Role],
    basis: Basis,
    school_keys: SchoolKeys | None = None,
) -> LetBeginAgain:
    leaves, has_new_epoch = end_roles(session, at, actor, held, person, basis=basis, school_keys=school_keys)
    alert_person(session, at, AlertKind.ROLE_ENDED, person)
    roles = tuple(dict.fromkeys(membership.role for membership in held))
    offered = tuple(role for role in roles if role in allowed)
    links = []
    for role in offered:
        invited, more = offer_role(
            session,
            at,
            actor,
            person,
            role=role,
            school_id=held[0].school_id,
            authority_id=held[0].authority_id,
            basis=basis,
        )
        links.append(invited)
        leaves += more
    record_all(session, at, leaves)
    return LetBeginAgain(
        offered=tuple(links),
        only_ended=tuple(role for role in roles if role not in allowed),
        has_new_epoch=has_new_epoch,
    )
