"""Beginning an account again from the link of an invitation: another password, device for codes and key.

Only for an account that may do nothing any more: every role ended, by people who answer for it. What the key before
held went with the roles, so that whoever reads somebody's mail gains by the link what anybody gains who is invited.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.db.models import Person
from transfer_service.db.queries.people import InvitationRow, has_taken_up_role
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.accepting import take_up
from transfer_service.use_cases.people.backup_code_rows import end_backup_codes
from transfer_service.use_cases.people.changing_password import context_words
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.invitation_links import get_live_invitation
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.people.passwords import PasswordWork, check_new_password
from transfer_service.use_cases.people.replacing_key import replace_key
from transfer_service.use_cases.people.session_keys import StartedSession, start_pending
from transfer_service.use_cases.people.session_rows import own_actor
from transfer_service.use_cases.recording import entry, record_all


def begin_again(
    database: Database, at: Installation, work: PasswordWork, *, token: str, password: str, device: Device
) -> StartedSession:
    """Begin an account again; returns the session in which the authenticator app is set up.

    Takes the database because the password is derived between two transactions. Raises NotFound, RuleForbids for an
    invitation that was used or has expired, whose person has no account yet, or has a role somewhere; Invalid,
    Unavailable.
    """
    with database.reading() as session:
        row = get_live_invitation(session, at, token=token)
        _check_may_begin_again(session, row.person)
        words = context_words(session, row.person)
    check_new_password(password, context_words=words)
    parameters = work.new_parameters()
    keys = work.derive(password, parameters)
    with database.writing() as session:
        lock_person(session, row.person.id)
        # A role may have been taken up or given back meanwhile, and the link may have been used.
        row = get_live_invitation(session, at, token=token)
        _check_may_begin_again(session, row.person)
        return _begin(session, at, row, parameters=parameters, keys=keys, device=device)


def _check_may_begin_again(session: Session, person: Person) -> None:
    if person.password_verifier is None:
        raise RuleForbids(
            "no_account", "You have no account with this email address yet. Follow the link and make one."
        )
    if has_taken_up_role(session, person.id):
        raise RuleForbids(
            "has_role",
            "You still have a role in this service, here or at another school or authority. Sign in with what you "
            "have; or telephone a colleague at each of them, who chooses “They lost everything” for you under People.",
        )


def _begin(
    session: Session,
    at: Installation,
    row: InvitationRow,
    *,
    parameters: KdfParameters,
    keys: PasswordKeys,
    device: Device,
) -> StartedSession:
    person = row.person
    actor = own_actor(person.id)
    new = replace_key(session, at, person, parameters=parameters, keys=keys, basis=Basis.INVITATION)
    person.totp_seed, person.totp_last_step = None, None
    codes = end_backup_codes(session, actor, person_id=person.id, basis=Basis.INVITATION)
    renewed = entry(actor, Event.ACCOUNT_RENEWED, subject=person.id, basis=Basis.INVITATION)
    taken_up = take_up(session, at, row)
    alert_person(session, at, AlertKind.ACCOUNT_RENEWED, person)
    started = start_pending(
        session,
        at,
        person_id=person.id,
        key_version=new.version,
        seed=new.seed,
        device_label=device.short_label,
        needs_enrolment=True,
        password_given_at=at.now(),
    )
    record_all(session, at, [*new.leaves, *codes, renewed, *taken_up])
    return started
