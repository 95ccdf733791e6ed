"""Giving a person another key in place of a lost one, with which goes all that the lost one held."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.crypto.values import Seed
from transfer_service.db.models import HeldForm, Person, Unlock
from transfer_service.db.queries import people as people_queries
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.writing_grants import revoke_from_person
from transfer_service.use_cases.people.asking import ask_for_keys
from transfer_service.use_cases.people.person_keys import add_person_key, set_password
from transfer_service.use_cases.people.session_rows import end_sessions_of, own_actor
from transfer_service.use_cases.recording import entry


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """The key that a person has now, and the leaves of how it came about."""

    version: int
    seed: Seed = field(repr=False)
    leaves: list[Entry]


def replace_key(
    session: Session,
    at: Installation,
    person: Person,
    *,
    parameters: KdfParameters,
    keys: PasswordKeys,
    basis: Basis | None = None,
) -> NewKey:
    """Give a locked person a new key under a new password, for the act that it is a part of.

    Sessions, recovery code, late forms and grants of the key before go. The caller records the leaves.
    """
    actor = own_actor(person.id)
    leaves = end_sessions_of(session, at, actor, person_id=person.id)
    leaves.extend(_take_grants_away(session, at, person))
    session.execute(delete(Unlock).where(Unlock.person_id == person.id))
    session.execute(delete(HeldForm).where(HeldForm.person_id == person.id))
    seed = Seed.generate()
    row = add_person_key(session, at, person_id=person.id, seed=seed)
    set_password(session, at, person, key_version=row.version, seed=seed, parameters=parameters, keys=keys)
    fingerprint = PersonKey.from_seed(seed).fingerprint.hex
    leaves.append(entry(actor, Event.PERSON_KEY_REPLACED, subject=person.id, key=fingerprint, basis=basis))
    return NewKey(version=row.version, seed=seed, leaves=leaves)


def _take_grants_away(session: Session, at: Installation, person: Person) -> list[Entry]:
    """Delete the grants to the lost key, and let those who can help know; a school may lose its last holder here."""
    actor = own_actor(person.id)
    leaves: list[Entry] = []
    for school_id in sorted(people_queries.list_schools_held(session, person.id)):
        lock_school(session, school_id)
        leaves.extend(
            revoke_from_person(session, at, actor, person_id=person.id, school_id=school_id, basis=Basis.RULE)
        )
    for row in people_queries.list_memberships_of_person(session, person.id):
        membership = row.membership
        is_in_use = membership.state is MembershipState.ACTIVE
        if row.school is not None and membership.role in KEY_HOLDING_ROLES and is_in_use:
            membership.state = MembershipState.AWAITING_APPROVAL
            ask_for_keys(session, at, row.school.id)
    return leaves
