"""The demonstration's people join as real ones do: invited, signed up, approved, granted the school's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from transfer_service.db.session import Database
from transfer_service.demo.cast import AUTHORITY_OF, DEPUTY, DSL, OFFICERS, PARTS, PASSWORD, Part
from transfer_service.demo.clock import WalkingClock
from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.equipment import Equipment
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epochs import make_first_epoch
from transfer_service.use_cases.keys.granting import compare_fingerprints, grant_school_keys
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.accepting import accept_invitation
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.inviting import Invited, invite_person
from transfer_service.use_cases.people.one_time_codes import code_at
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.recovery_codes import confirm_recovery_code, issue_recovery_code
from transfer_service.use_cases.people.second_factor import confirm_second_factor, prepare_second_factor
from transfer_service.use_cases.people.sessions import load_session
from transfer_service.use_cases.people.unlocking import open_person_key

_DEVICE = Device(address="127.0.0.1", label="The demonstration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the demonstration is made."""

    database: Database
    at: Installation
    equipment: Equipment
    clock: WalkingClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person who has joined. `person_key` is what the use cases ask for by that name; the demo looks into none."""

    part: Part
    totp_secret: str = field(repr=False)
    membership_id: UUID
    cookie: bytes = field(repr=False)
    actor: Actor
    person_key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Places:
    """The ids of schools by URN, and of authorities by code."""

    schools: Mapping[str, UUID]
    authorities: Mapping[str, UUID]


def enrol_everybody(stage: Stage, places: Places) -> dict[str, Member]:
    """Let everybody join in the order in which that is possible; returns them by their keys."""
    work = PasswordWork(stage.equipment.peppers)
    members: dict[str, Member] = {}

    def join(parts: Sequence[Part]) -> None:
        invited = [(part, _invite(stage, places, members, part)) for part in parts]
        # Deriving a key from a password takes long and leaves the other cores free.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for member in pool.map(lambda pair: _sign_up(stage, work, *pair), invited):
                members[member.part.key] = member
        stage.clock.pass_seconds(20)

    firsts = {part.urn: part for part in PARTS if part.urn is not None and part.role is DSL}
    join([part for part in PARTS if part.urn is None])
    join(list(firsts.values()))
    for urn, part in firsts.items():
        if not part.waits:
            officer = members[OFFICERS[AUTHORITY_OF[urn]]]
            members[part.key] = _make_first_holder(stage, officer, members[part.key])
    join([part for part in PARTS if part.urn and part.role is not DSL])
    for part in PARTS:
        if part.urn is not None and part.role is DEPUTY and not part.waits:
            members[part.key] = _grant(stage, members[firsts[part.urn].key], members[part.key])
    return members


def _invite(stage: Stage, places: Places, members: Mapping[str, Member], part: Part) -> Invited:
    """Invite somebody as whoever would: the command line, an officer, or the school's lead."""
    inviter = None
    if part.urn is not None:
        lead = next(one for one in PARTS if one.urn == part.urn and one.role is DSL)
        inviter = members[OFFICERS[AUTHORITY_OF[part.urn]] if part is lead else lead.key].actor
    with stage.database.writing() as session:
        return invite_person(
            session,
            stage.at,
            inviter,
            email=part.email,
            role=part.role,
            school_id=places.schools[part.urn] if part.urn else None,
            authority_id=places.authorities[part.la_code] if part.la_code else None,
        )


def _sign_up(stage: Stage, work: PasswordWork, part: Part, invited: Invited) -> Member:
    """Choose a password, set up the authenticator app, write the recovery code down."""
    database, at = stage.database, stage.at
    begun = accept_invitation(
        database, at, work, token=invited.token, name=part.name, password=PASSWORD, device=_DEVICE
    )
    with database.writing() as session:
        secret = prepare_second_factor(session, at, cookie=begun.cookie).secret
    started = confirm_second_factor(
        database, at, cookie=begun.cookie, code=code_at(secret, stage.clock()), device=_DEVICE
    )
    with database.reading() as session:
        person_key = open_person_key(session, at, cookie=started.cookie)
    member = Member(
        part=part,
        totp_secret=secret,
        membership_id=invited.membership_id,
        cookie=started.cookie,
        actor=_actor_of(stage, started.cookie),
        person_key=person_key,
    )
    with database.writing() as session:
        shown = issue_recovery_code(session, at, member.actor, cookie=member.cookie)
    first, second = (shown.groups[place] for place in shown.asked)
    with database.writing() as session:
        confirm_recovery_code(session, at, member.actor, person_key=person_key, retyped=(first, second))
    return member


def _make_first_holder(stage: Stage, officer: Member, member: Member) -> Member:
    """Have an officer approve a school's lead, who then makes the school's key."""
    with stage.database.writing() as session:
        approve_first_dsl(session, stage.at, officer.actor, membership_id=member.membership_id)
    actor = _actor_of(stage, member.cookie)
    with stage.database.writing() as session:
        make_first_epoch(session, stage.at, actor, person_key=member.person_key)
    return replace(member, actor=_actor_of(stage, member.cookie))


def _grant(stage: Stage, lead: Member, member: Member) -> Member:
    """Have the school's lead compare fingerprints with a deputy and grant the school's key."""
    with stage.database.reading() as session:
        keys = open_school_keys(session, stage.at, lead.actor, lead.person_key)
    with stage.database.writing() as session:
        pair = compare_fingerprints(session, stage.at, lead.actor, membership_id=member.membership_id)
        grant_school_keys(
            session,
            stage.at,
            lead.actor,
            school_keys=keys,
            membership_id=member.membership_id,
            confirmed_words=pair.colleague_words,
            basis=Basis.IN_PERSON_CHECK,
        )
    return replace(member, actor=_actor_of(stage, member.cookie))


def _actor_of(stage: Stage, cookie: bytes) -> Actor:
    """Return who acts behind a cookie now; the sessions of this hour are all alive."""
    with stage.database.reading() as session:
        live = load_session(session, stage.at, cookie=cookie)
    if live is None:
        raise SessionEnded
    return live.actor
