"""Taking up an invitation: a name, a password, and with them a key of one's own."""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Membership, Person
from transfer_service.db.queries.people import InvitationRow
from transfer_service.db.session import Database
from transfer_service.domain.errors import Invalid, NotFound, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.asking import ask_for_keys
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.invitation_links import get_live_invitation
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.people.passwords import PasswordWork, check_new_password
from transfer_service.use_cases.people.person_keys import add_person_key, set_password
from transfer_service.use_cases.people.session_keys import StartedSession, start_pending
from transfer_service.use_cases.people.session_rows import own_actor
from transfer_service.use_cases.recording import entry, record_all

LONGEST_NAME = 100


def accept_invitation(
    database: Database, at: Installation, work: PasswordWork, *, token: str, name: str, password: str, device: Device
) -> StartedSession:
    """Make an account from an invitation; returns the session in which the authenticator app is set up.

    Takes the database because the password is derived between two transactions. Raises NotFound, RuleForbids for an
    invitation that was used or has expired or whose person has an account, Invalid, Unavailable.
    """
    with database.reading() as session:
        row = get_live_invitation(session, at, token=token)
        _check_has_no_account(row.person)
        person_id = row.person.id
        place = row.school.name if row.school else row.authority.name if row.authority else ""
        email = row.person.email
    tidy_name = check_name(name)
    check_new_password(password, context_words=(tidy_name, email, place))
    parameters = work.new_parameters()
    keys = work.derive(password, parameters)
    with database.writing() as session:
        # Before the invitation is read again: another account or another acceptance may have been made meanwhile.
        lock_person(session, person_id)
        row = get_live_invitation(session, at, token=token)
        return _open_account(session, at, row, name=tidy_name, parameters=parameters, keys=keys, device=device)


def accept_another_invitation(session: Session, at: Installation, actor: Actor, *, token: str) -> Membership:
    """Take up an invitation as somebody who has an account and is signed in.

    Raises NotFound also for an invitation of somebody else, RuleForbids where it was used or has expired.
    """
    lock_person(session, actor.person_id)
    row = get_live_invitation(session, at, token=token)
    if row.person.id != actor.person_id:
        raise NotFound("invitation")
    leaves = take_up(session, at, row)
    record_all(session, at, leaves)
    return row.membership


def check_name(name: str) -> str:
    """Return a person's name tidied, 1 to 100 characters in any script; raises Invalid."""
    tidy = " ".join(name.split())
    if not tidy:
        raise Invalid({"name": ["Enter your name as colleagues know it"]})
    if len(tidy) > LONGEST_NAME:
        raise Invalid({"name": [f"Name must have {LONGEST_NAME} characters or fewer"]})
    if not tidy.isprintable():
        raise Invalid({"name": ["Name must not contain characters that cannot be seen"]})
    return tidy


def take_up(session: Session, at: Installation, row: InvitationRow) -> list[Entry]:
    """Mark the invitation used and the membership taken up, for the act that it is a part of; returns the leaf.

    The person is locked. Raises RuleForbids for an invitation that is over.
    """
    membership = row.membership
    if membership.state is not MembershipState.INVITED:
        raise RuleForbids(
            "invitation_over", "This invitation is over. Ask the person who invited you to send another one."
        )
    row.invitation.accepted_at = at.now()
    membership.state = MembershipState.ACTIVE
    if row.school is not None and membership.role in KEY_HOLDING_ROLES:
        membership.state = MembershipState.AWAITING_APPROVAL
        ask_for_keys(session, at, row.school.id)
    return [
        entry(
            own_actor(row.person.id),
            Event.INVITATION_ACCEPTED,
            org=membership.organisation_id,
            subject=membership.id,
            basis=Basis.INVITATION,
        )
    ]


def _check_has_no_account(person: Person) -> None:
    if person.password_verifier is not None:
        raise RuleForbids(
            "has_account", "You have an account with this email address. Sign in, and then follow the link again."
        )


def _open_account(
    session: Session,
    at: Installation,
    row: InvitationRow,
    *,
    name: str,
    parameters: KdfParameters,
    keys: PasswordKeys,
    device: Device,
) -> StartedSession:
    person = row.person
    _check_has_no_account(person)
    person.name = name
    seed = Seed.generate()
    key = add_person_key(session, at, person_id=person.id, seed=seed)
    set_password(session, at, person, key_version=key.version, seed=seed, parameters=parameters, keys=keys)
    made = entry(
        own_actor(person.id),
        Event.PERSON_KEY_CREATED,
        subject=person.id,
        key=PersonKey.from_seed(seed).fingerprint.hex,
        basis=Basis.INVITATION,
    )
    leaves = take_up(session, at, row)
    started = start_pending(
        session,
        at,
        person_id=person.id,
        key_version=key.version,
        seed=seed,
        device_label=device.short_label,
        needs_enrolment=True,
        password_given_at=at.now(),
    )
    record_all(session, at, [made, *leaves])
    return started
