"""The cast with a store for attachments and a calendar: everything that an exchange needs."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

from tests.cast import Cast, Clock, Member, Service, join_service, make_first_holder
from transfer_service.db.session import Database
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import Role
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.calendars import TermDates, replace_terms
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import find_person_key, get_public_epoch
from transfer_service.use_cases.keys.writing_grants import grant_to_person

TERMS = (
    TermDates(date(2026, 9, 1), date(2026, 10, 23)),
    TermDates(date(2026, 11, 2), date(2026, 12, 18), begins_new_term=False),
    TermDates(date(2027, 1, 4), date(2027, 2, 12)),
)


@dataclass(frozen=True)
class Stage:
    """The installation, its database and store, and everybody on it."""

    database: Database
    at: Installation
    clock: Clock
    storage: Storage
    blobs: Path
    cast: Cast
    service: Service

    @property
    def alma(self) -> Member:
        return self.cast.alma

    @property
    def ben(self) -> Member:
        return self.cast.ben

    @property
    def cora(self) -> Member:
        return self.cast.cora

    @property
    def dev(self) -> Member:
        return self.cast.dev

    @property
    def stella(self) -> Member:
        return self.cast.stella

    @property
    def edie(self) -> Member:
        return self.cast.edie


def set_stage(cast: Cast, service: Service, blobs: Path) -> Stage:
    with service.database.writing() as session:
        replace_terms(session, service.at, None, authority_id=cast.warwickshire, terms=TERMS)
    storage = Storage.from_url(f"file://{blobs}")
    return Stage(service.database, service.at, service.clock, storage, blobs, cast, service)


def everybody(cast: Cast) -> dict[str, Member]:
    """Each member by first name."""
    names = ("alma", "ben", "cora", "dev", "edie", "hugh", "stella", "olive", "oscar", "ada")
    return {name: getattr(cast, name) for name in names}


def enrol_keyless(stage: Stage) -> Member:
    """The school without keys gets its first DSL, who makes its key."""
    invited = join_service(
        stage.service, name="Kit Farrow", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=stage.cast.keyless
    )
    return make_first_holder(stage.service, stage.cast.olive, invited)


def acting_for(member: Member, school_id: UUID) -> Member:
    """The same person acting at another school, as somebody who is DSL of both does."""
    return replace(member, actor=replace(member.actor, organisation_id=school_id))


def hold_also(stage: Stage, member: Member, holder: Member) -> None:
    """A member is made to hold the key of the holder's school too, as a lead of both schools would."""
    keys = holder.school_keys(stage.service)
    number, _ = keys.active
    with stage.database.writing() as session:
        row = find_person_key(session, member.person_id)
        assert row is not None
        epoch = get_public_epoch(session, stage.at, keys.school_id, number)
        grant_to_person(
            session,
            stage.at,
            holder.actor,
            epoch=epoch,
            seed=keys.seeds[number],
            holder=row,
            basis=Basis.COLLEAGUE,
        )
