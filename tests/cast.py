"""The fixed cast: one school sends, one receives, one is a stranger, one has no keys; two authorities oversee.

Everybody is invited, signs up, is approved and is granted keys by the use cases themselves. That takes a second or
two (Argon2id), so it happens once for each worker and kind of database; each test gets a copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import delete
from uuid_utils.compat import uuid7

from transfer_service.crypto.fields import FieldKeyring
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.suites import PersonKey, RecoveryKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Alert, School
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import Actor, Role
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epochs import make_first_epoch
from transfer_service.use_cases.keys.granting import compare_fingerprints, grant_school_keys
from transfer_service.use_cases.keys.holding import SchoolKeys, open_school_keys
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.accepting import accept_invitation
from transfer_service.use_cases.people.authorities import create_authority
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.recovery_codes import confirm_recovery_code, issue_recovery_code
from transfer_service.use_cases.people.second_factor import confirm_second_factor, prepare_second_factor
from transfer_service.use_cases.people.sessions import load_session
from transfer_service.use_cases.people.unlocking import open_person_key

DEPLOYMENT = "tests"
BUILT_AT = datetime(2026, 9, 7, 7, 30, tzinfo=UTC)
"""A Monday in term."""
STARTS_AT = datetime(2026, 9, 7, 7, 35, tzinfo=UTC)
"""When a test begins: five minutes later, so that everybody is signed in and gave the password just now."""

WARWICKSHIRE_RECOVERY = RecoveryKey.from_seed(Seed(b"\x37" * 32))
COVENTRY_RECOVERY = RecoveryKey.from_seed(Seed(b"\x31" * 32))

HOME = Device(address="192.0.2.10", label="Firefox on Windows")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def move(self, **by: float) -> None:
        """Go forward by so many days, hours, minutes or seconds."""
        self._now += timedelta(**by)

    def set(self, moment: datetime) -> None:
        self._now = moment


@dataclass(frozen=True)
class Service:
    """One installation under test."""

    database: Database
    at: Installation
    clock: Clock
    work: PasswordWork


@dataclass(frozen=True, kw_only=True)
class Member:
    """One person of the cast, signed in, with everything that they know or have."""

    name: str
    email: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    recovery_code: str = field(repr=False)
    person_id: UUID
    membership_id: UUID
    cookie: bytes = field(repr=False)
    actor: Actor
    person_key: PersonKey

    def code(self, service: Service) -> str:
        """The one-time code of this moment."""
        return pyotp.TOTP(self.totp_secret).at(service.clock())

    def school_keys(self, service: Service) -> SchoolKeys:
        """The school's keys, unwrapped as for one request."""
        with service.database.reading() as session:
            return open_school_keys(session, service.at, self.actor, self.person_key)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Everybody and every place."""

    warwickshire: UUID
    coventry: UUID
    sending: UUID
    receiving: UUID
    stranger: UUID
    keyless: UUID
    alma: Member
    """DSL of the sending school."""
    ben: Member
    """Deputy DSL of the sending school."""
    cora: Member
    """DSL of the receiving school."""
    dev: Member
    """Deputy DSL of the receiving school."""
    edie: Member
    """School office of the sending school."""
    hugh: Member
    """Head teacher of the sending school."""
    stella: Member
    """DSL of a school that has nothing to do with it."""
    olive: Member
    """Head of Service of Warwickshire, to which the sending, receiving, stranger and keyless school belong."""
    oscar: Member
    """Officer of Coventry, the neighbouring authority."""
    ada: Member
    """Administrator."""


def new_service(database: Database, *, start: datetime = STARTS_AT) -> Service:
    """An installation with fixed keys over a migrated database."""
    clock = Clock(start)
    at = Installation(
        deployment=DEPLOYMENT,
        field_keys=FieldKeyring({1: b"\x01" * 32}, deployment=DEPLOYMENT),
        now=clock,
        new_id=uuid7,
        recovery_keys={
            "937": WARWICKSHIRE_RECOVERY.fingerprint.hex,
            "331": COVENTRY_RECOVERY.fingerprint.hex,
        },
    )
    return Service(database=database, at=at, clock=clock, work=PasswordWork(PepperSet({1: b"\x02" * 32})))


def build_cast(database: Database) -> Cast:
    """Make everybody through the use cases. The mails of it are removed from the outbox."""
    service = new_service(database, start=BUILT_AT)
    warwickshire = _authority(service, "937", "Warwickshire", WARWICKSHIRE_RECOVERY)
    coventry = _authority(service, "331", "Coventry", COVENTRY_RECOVERY)
    sending = add_school(service, warwickshire, urn="125580", name="Alderford Primary School", town="Rugby")
    receiving = add_school(service, warwickshire, urn="125581", name="Birchwater High School", town="Nuneaton")
    stranger = add_school(service, warwickshire, urn="125582", name="Cloverhill School", town="Warwick")
    keyless = add_school(service, warwickshire, urn="125583", name="Dovecote Academy", town="Leamington Spa")

    def join(name: str, role: Role, **place: UUID) -> Member:
        return join_service(service, name=name, role=role, **place)

    ada = join("Ada Lindqvist", Role.ADMINISTRATOR)
    olive = join("Olive Hartley", Role.HEAD_OF_SERVICE, authority_id=warwickshire)
    oscar = join("Oscar Penrose", Role.AUTHORITY_OFFICER, authority_id=coventry)
    dsl, deputy = Role.DESIGNATED_SAFEGUARDING_LEAD, Role.DEPUTY_DSL
    alma = make_first_holder(service, olive, join("Alma Reyes", dsl, school_id=sending))
    cora = make_first_holder(service, olive, join("Cora Whitlock", dsl, school_id=receiving))
    stella = make_first_holder(service, olive, join("Stella Moran", dsl, school_id=stranger))
    ben = grant_keys(service, alma, join("Ben Okafor", deputy, school_id=sending))
    dev = grant_keys(service, cora, join("Dev Anand", deputy, school_id=receiving))
    edie = join("Edie Nakamura", Role.SCHOOL_OFFICE, school_id=sending)
    hugh = join("Hugh Prescott", Role.HEAD_TEACHER, school_id=sending)
    with database.writing() as session:
        session.execute(delete(Alert))
    return Cast(
        warwickshire=warwickshire,
        coventry=coventry,
        sending=sending,
        receiving=receiving,
        stranger=stranger,
        keyless=keyless,
        alma=alma,
        ben=ben,
        cora=cora,
        dev=dev,
        edie=edie,
        hugh=hugh,
        stella=stella,
        olive=olive,
        oscar=oscar,
        ada=ada,
    )


def add_school(
    service: Service, authority_id: UUID, *, urn: str, name: str, town: str, status: str = "Open", la_code: str = "937"
) -> UUID:
    """Add a school as the national register would give it."""
    school_id = service.at.new_id()
    with service.database.writing() as session:
        session.add(
            School(
                id=school_id,
                authority_id=authority_id,
                urn=urn,
                la_code=la_code,
                establishment_number="4" + urn[-3:],
                name=name,
                search_name=f"{name} {town}".lower(),
                status=status,
                town=town,
                telephone="01926 555" + urn[-3:],
                low_age=4,
                high_age=18,
            )
        )
    return school_id


def join_service(
    service: Service,
    *,
    name: str,
    role: Role,
    school_id: UUID | None = None,
    authority_id: UUID | None = None,
    inviter: Actor | None = None,
) -> Member:
    """Be invited, choose a password, set up the authenticator app, write the recovery code down; not yet approved."""
    email = name.lower().replace(" ", ".") + "@example.org"
    password = f"{name.split(maxsplit=1)[0]} keeps seven quiet otters"
    database, at = service.database, service.at
    with database.writing() as session:
        invited = invite_person(
            session, at, inviter, email=email, role=role, school_id=school_id, authority_id=authority_id
        )
    begun = accept_invitation(
        database, at, service.work, token=invited.token, name=name, password=password, device=HOME
    )
    with database.writing() as session:
        secret = prepare_second_factor(session, at, cookie=begun.cookie).secret
    code = pyotp.TOTP(secret).at(service.clock())
    started = confirm_second_factor(database, at, cookie=begun.cookie, code=code, device=HOME)
    with database.reading() as session:
        person_key = open_person_key(session, at, cookie=started.cookie)
    member = Member(
        name=name,
        email=email,
        password=password,
        totp_secret=secret,
        recovery_code="",
        person_id=started.person_id,
        membership_id=invited.membership_id,
        cookie=started.cookie,
        actor=actor_of(service, started.cookie),
        person_key=person_key,
    )
    return replace(member, recovery_code=write_recovery_code_down(service, member))


def write_recovery_code_down(service: Service, member: Member) -> str:
    """Have a recovery code made, retype the two groups that are asked for, and return the code."""
    with service.database.writing() as session:
        shown = issue_recovery_code(session, service.at, member.actor, cookie=member.cookie)
    first, second = (shown.groups[place] for place in shown.asked)
    with service.database.writing() as session:
        confirm_recovery_code(session, service.at, member.actor, person_key=member.person_key, retyped=(first, second))
    return "-".join(shown.groups)


def actor_of(service: Service, cookie: bytes) -> Actor:
    """Who acts behind a cookie now."""
    with service.database.reading() as session:
        live = load_session(session, service.at, cookie=cookie)
    assert live is not None
    return live.actor


def refreshed(service: Service, member: Member) -> Member:
    """The same person, with what they may do now."""
    return replace(member, actor=actor_of(service, member.cookie))


def make_first_holder(service: Service, officer: Member, member: Member) -> Member:
    """Have an officer approve a DSL, who then makes the school's key."""
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, officer.actor, membership_id=member.membership_id)
    approved = refreshed(service, member)
    with service.database.writing() as session:
        make_first_epoch(session, service.at, approved.actor, person_key=approved.person_key)
    return refreshed(service, approved)


def grant_keys(service: Service, holder: Member, member: Member) -> Member:
    """Have a colleague compare fingerprints and grant the school's key."""
    keys = holder.school_keys(service)
    with service.database.writing() as session:
        pair = compare_fingerprints(session, service.at, holder.actor, membership_id=member.membership_id)
        grant_school_keys(
            session,
            service.at,
            holder.actor,
            school_keys=keys,
            membership_id=member.membership_id,
            confirmed_words=pair.colleague_words,
            basis=Basis.TELEPHONE_CHECK,
        )
    return refreshed(service, member)


def _authority(service: Service, la_code: str, name: str, key: RecoveryKey) -> UUID:
    with service.database.writing() as session:
        return create_authority(
            session,
            service.at,
            None,
            la_code=la_code,
            name=name,
            recovery=RecoveryPublic(public=key.public, authority=name, demo=False),
            is_demo=False,
        )
