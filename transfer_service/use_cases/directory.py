"""The directory of schools as people search it: never a name alone, since 2,585 of 21,608 share theirs with another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.db.models import School
from transfer_service.db.queries import schools as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import find_active_epoch

MOST_SUGGESTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolShown:
    """A school with what tells it from its namesakes."""

    id: UUID
    name: str
    town: str
    authority: str
    urn: str
    telephone: str
    is_closed: bool

    @property
    def where(self) -> str:
        """Town, authority and URN on one line; a town that is its own authority is named once."""
        authority = "" if self.authority == self.town else self.authority
        return ", ".join(part for part in (self.town, authority, f"URN {self.urn}") if part)

    @property
    def line(self) -> str:
        """All of it on one line."""
        closed = " (closed)" if self.is_closed else ""
        return f"{self.name}{closed}, {self.where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A school that something may be sent to: whether it can open it, and who followed it where it is closed."""

    school: SchoolShown
    has_key: bool
    is_own: bool
    successors: tuple[SchoolShown, ...]


def show_schools(session: Session, schools: Iterable[School]) -> Mapping[UUID, SchoolShown]:
    """Return the schools by id as they are shown; one statement for all."""
    known = {school.id: school for school in schools}
    names = queries.get_authority_names(session, {school.authority_id for school in known.values()})
    return {
        school_id: SchoolShown(
            id=school.id,
            name=school.name,
            town=school.town,
            authority=names.get(school.authority_id, ""),
            urn=school.urn,
            telephone=school.telephone,
            is_closed=school.is_closed,
        )
        for school_id, school in known.items()
    }


def find_schools(session: Session, actor: Actor, *, text: str, limit: int = MOST_SUGGESTED) -> list[SchoolShown]:
    """Find schools by what was typed: words of the name, town or postcode, a URN or a DfE number."""
    permissions.check(actor, Permission.PUPIL_RECORD)
    found = queries.search_schools(session, text, limit=limit)
    shown = show_schools(session, found)
    return [shown[school.id] for school in found]


def get_receiver(session: Session, at: Installation, actor: Actor, *, urn: str) -> Receiver:
    """Return what is to be known of a school before anything is sent to it; raises NotFound for an unknown URN."""
    permissions.check(actor, Permission.PUPIL_RECORD)
    school = queries.find_school_by_urn(session, urn)
    if school is None:
        raise NotFound("school")
    successors = queries.list_successors(session, school) if school.is_closed else []
    shown = show_schools(session, [school, *successors])
    return Receiver(
        school=shown[school.id],
        has_key=find_active_epoch(session, at, school.id) is not None,
        is_own=school.id == actor.organisation_id,
        successors=tuple(shown[one.id] for one in successors),
    )
