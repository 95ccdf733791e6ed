"""What is read of the log: its head and checkpoints, one transfer's leaves, and names. Pages are in `log_pages`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import (
    Authority,
    LogCheckpoint,
    LogHead,
    LogLeaf,
    Membership,
    Person,
    School,
    Transfer,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for. `until` is the first moment after the time asked for."""

    authority_id: UUID
    school_id: UUID | None = None
    person_id: UUID | None = None
    transfer_id: UUID | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names behind the ids of some leaves."""

    people: dict[UUID, str]
    places: dict[UUID, str]
    references: dict[UUID, str]


def get_head(session: Session) -> LogHead:
    """Return the log's head row, without a lock."""
    return session.scalars(select(LogHead)).one()


def find_newest_checkpoint(session: Session) -> LogCheckpoint | None:
    """Return the newest signed checkpoint."""
    return session.scalar(select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1))


def find_leaf_time(session: Session, idx: int) -> datetime | None:
    """Return when a leaf was written."""
    return session.scalar(select(LogLeaf.at).where(LogLeaf.idx == idx))


def list_story(session: Session, transfer_id: UUID) -> Sequence[LogLeaf]:
    """List every leaf about a transfer, in the order in which they were written."""
    return session.scalars(select(LogLeaf).where(LogLeaf.transfer == transfer_id).order_by(LogLeaf.idx)).all()


def list_school_ids(session: Session, authority_id: UUID) -> list[UUID]:
    """List the schools of an authority."""
    return list(session.scalars(select(School.id).where(School.authority_id == authority_id)))


def find_person_of_authority(session: Session, *, person_id: UUID, authority_id: UUID) -> Person | None:
    """Find a person who belongs, or belonged, to an authority or one of its schools."""
    return session.scalar(select(Person).where(Person.id == person_id, _belongs_to(authority_id)))


def find_person_by_email(session: Session, *, email: str, authority_id: UUID) -> Person | None:
    """Find such a person by the tidied address."""
    return session.scalar(select(Person).where(Person.email == email, _belongs_to(authority_id)))


def load_names(
    session: Session, *, people: Collection[UUID], places: Collection[UUID], transfers: Collection[UUID]
) -> Names:
    """Return the names of people, schools and authorities, and the references of transfers; one statement each."""
    found_places = _pairs(session, School.id, School.name, places)
    rest = set(places) - set(found_places)
    return Names(
        people=_pairs(session, Person.id, Person.name, people),
        places=found_places | _pairs(session, Authority.id, Authority.name, rest),
        references=_pairs(session, Transfer.id, Transfer.reference, transfers),
    )


def _belongs_to(authority_id: UUID) -> ColumnElement[bool]:
    schools = select(School.id).where(School.authority_id == authority_id)
    return (
        select(Membership.id)
        .where(
            and_(
                Membership.person_id == Person.id,
                or_(Membership.authority_id == authority_id, Membership.school_id.in_(schools)),
            )
        )
        .exists()
    )


def _pairs(session: Session, key: Any, value: Any, ids: Collection[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    rows = session.execute(select(key, value).where(key.in_(list(ids))))
    return {row_id: text for row_id, text in rows}  # noqa: C416 -- a Row is no pair to `dict`
