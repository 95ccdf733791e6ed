"""Two schools with keys, a stranger, one without keys, and their authorities: rows, ready for the exchange.

Signing in is tested elsewhere; here every person's key is at hand, so that no test waits for Argon2.
"""

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.crypto.suites import EpochKey, PersonKey
from transfer_service.crypto.values import Seed
from transfer_service.db import models
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState, OrganisationKind, Role
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epoch_rows import add_epoch, next_number
from transfer_service.use_cases.keys.writing_grants import grant_to_person

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday in an autumn term."""


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = START

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Player:
    """Somebody who acts: as which actor, and with which key, if any."""

    actor: Actor
    person_key: PersonKey | None = None

    def at_school(self, school_id: UUID) -> "Player":
        return replace(self, actor=replace(self.actor, organisation_id=school_id))


@dataclass
class Stage:
    """The installation, its database and store, and everybody on it."""

    database: Database
    at: Installation
    clock: Clock
    storage: Storage
    blobs: Path
    schools: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, Player] = field(default_factory=dict)
    seeds: dict[tuple[UUID, int], Seed] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Player:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None


def counting_ids() -> object:
    """Ids of version 7 in order, the same in every run, with tails that differ as random ones do."""
    counter = itertools.count(1)

    def new_id() -> UUID:
        number = next(counter)
        tail = (number * 0x9E3779B97F4A7C15) % (1 << 62)
        return UUID(int=(0x0190_0000_0000 + number) << 80 | 0x7 << 76 | 0x2 << 62 | tail)

    return new_id


def set_stage(url: str, blobs: Path) -> Stage:
    """Fill a migrated database with the schools and people of the exchange."""
    clock = Clock()
    at = Installation(
        deployment="test",
        field_keys=FieldKeyring({1: bytes(range(32))}, deployment="test"),
        now=lambda: clock.now,
        new_id=counting_ids(),  # type: ignore[arg-type]
    )
    database = Database(url)
    stage = Stage(database, at, clock, Storage.from_url(f"file://{blobs}"), blobs)
    with database.writing() as session:
        home = _authority(session, at, "937", "Warwickshire")
        away = _authority(session, at, "331", "Coventry")
        for name, urn, authority in (
            ("sending", "125500", home),
            ("receiving", "125700", home),
            ("stranger", "103700", away),
            ("keyless", "125800", home),
        ):
            stage.schools[name] = _school(session, at, name, urn, authority)
        everyone = (
            ("alma", Role.DESIGNATED_SAFEGUARDING_LEAD, "sending"),
            ("ben", Role.DEPUTY_DSL, "sending"),
            ("edie", Role.SCHOOL_OFFICE, "sending"),
            ("hugh", Role.HEAD_TEACHER, "sending"),
            ("cora", Role.DESIGNATED_SAFEGUARDING_LEAD, "receiving"),
            ("dev", Role.DEPUTY_DSL, "receiving"),
            ("stella", Role.DESIGNATED_SAFEGUARDING_LEAD, "stranger"),
            ("kit", Role.DESIGNATED_SAFEGUARDING_LEAD, "keyless"),
        )
        for name, role, school in everyone:
            stage.people[name] = _person(session, at, name, role, OrganisationKind.SCHOOL, stage.schools[school])
        stage.people["olive"] = _person(session, at, "olive", Role.HEAD_OF_SERVICE, OrganisationKind.AUTHORITY, home)
        stage.people["oscar"] = _person(session, at, "oscar", Role.AUTHORITY_OFFICER, OrganisationKind.AUTHORITY, away)
        stage.people["ada"] = _person(session, at, "ada", Role.ADMINISTRATOR, OrganisationKind.INSTALLATION, None)
        for holders in (("alma", "ben"), ("cora", "dev"), ("stella",)):
            make_epoch(session, stage, *holders)
        session.add_all(
            models.Term(
                id=at.new_id(), authority_id=authority, starts_on=starts_on, ends_on=ends_on, begins_new_term=new
            )
            for authority in (home, away)
            for starts_on, ends_on, new in (
                (date(2026, 9, 1), date(2026, 10, 23), True),
                (date(2026, 11, 2), date(2026, 12, 18), False),
                (date(2027, 1, 4), date(2027, 2, 12), True),
            )
        )
    return stage


def make_epoch(session: Session, stage: Stage, *holders: str) -> int:
    """Give a school a key that these people hold; return its number."""
    at, first = stage.at, stage.people[holders[0]].actor
    school_id = first.organisation_id
    assert school_id is not None
    seed = Seed.generate()
    number = next_number(session, school_id)
    epoch = add_epoch(
        session,
        at,
        first,
        school_id=school_id,
        number=number,
        key=EpochKey.from_seed(seed),
        approved_by=None,
        previous_signature=None,
    )
    for name in holders:
        row = session.query(models.PersonKey).filter_by(person_id=stage.people[name].actor.person_id).one()
        grant_to_person(session, at, first, epoch=epoch, seed=seed, holder=row, basis=Basis.COLLEAGUE)
    stage.seeds[school_id, number] = seed
    return number


def _authority(session: Session, at: Installation, la_code: str, name: str) -> UUID:
    row = models.Authority(id=at.new_id(), la_code=la_code, name=name, enrolled_at=at.now())
    session.add(row)
    session.flush()
    return row.id


def _school(session: Session, at: Installation, name: str, urn: str, authority_id: UUID) -> UUID:
    row = models.School(
        id=at.new_id(),
        authority_id=authority_id,
        urn=urn,
        la_code="937",
        name=f"{name.title()} School",
        search_name=name,
        status="Open",
        town="Rugby",
        safeguarding_mailbox=None,
    )
    session.add(row)
    session.flush()
    return row.id


def _person(
    session: Session, at: Installation, name: str, role: Role, kind: OrganisationKind, place: UUID | None
) -> Player:
    person = models.Person(id=at.new_id(), email=f"{name}@example.org", name=name.title(), created_at=at.now())
    session.add(person)
    session.flush()
    session.add(
        models.Membership(
            id=at.new_id(),
            person_id=person.id,
            school_id=place if kind is OrganisationKind.SCHOOL else None,
            authority_id=place if kind is OrganisationKind.AUTHORITY else None,
            role=role,
            state=MembershipState.ACTIVE,
            created_at=at.now(),
        )
    )
    actor = Actor(
        person_id=person.id,
        organisation_id=place,
        organisation_kind=kind,
        roles=frozenset({role}),
        holds_keys=role in KEY_HOLDING_ROLES,
    )
    key = PersonKey.from_seed(Seed.generate())
    session.add(
        models.PersonKey(
            id=at.new_id(),
            person_id=person.id,
            version=1,
            suite=key.public.suite,
            kem_public=key.public.kem_public,
            fingerprint=key.fingerprint.digest,
            state=KeyState.ACTIVE,
            mac=at.field_keys.authenticate_public_key(
                key.public, kind=formats.KeyKind.PERSON, owner=person.id, epoch=1, state=KeyState.ACTIVE.value
            ),
            created_at=at.now(),
        )
    )
    session.flush()
    return Player(actor, key)
