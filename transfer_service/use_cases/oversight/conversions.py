"""Closed schools that are in use here and whose successor a person has to name: splits, mergers, doubtful links.

A school that simply converted takes its new URN when the register is imported. In all other cases an officer says
which school it became; then it keeps its people, keys and files under the new URN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.db.models import FormerUrn, School
from transfer_service.db.queries.schools import ids_in_use, list_successors
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.scope import get_own_school
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.register_plan import REGISTER_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """A school that a closed one may have become; `in_use` where it has people or files of its own here."""

    school: School
    in_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconverted:
    """A closed school in use here, with those that the register links it to."""

    school: School
    successors: tuple[Successor, ...]


def list_unconverted(session: Session, actor: Actor) -> list[Unconverted]:
    """List the closed schools of the actor's authority that are in use here, by name; raises PermissionRefused."""
    authority_id = authority_of(actor)
    permissions.check(actor, Permission.AUTHORITY_SETTINGS_EDIT)
    closed = list(
        session.scalars(
            select(School)
            .where(School.authority_id == authority_id, School.is_closed)
            .order_by(School.name, School.urn)
        )
    )
    in_use = ids_in_use(session, [school.id for school in closed])
    return [_with_successors(session, school) for school in closed if school.id in in_use]


def get_unconverted(session: Session, actor: Actor, *, urn: str) -> Unconverted:
    """Return one of them; raises NotFound for a school that is elsewhere, open or not in use, PermissionRefused."""
    school = get_own_school(session, actor, urn=urn)
    permissions.check(actor, Permission.AUTHORITY_SETTINGS_EDIT)
    if not school.is_closed or not ids_in_use(session, [school.id]):
        raise NotFound("school")
    return _with_successors(session, school)


def convert_school(session: Session, at: Installation, actor: Actor, *, urn: str, successor_urn: str) -> None:
    """Have a closed school go on as its successor: the URN and the register's details change, all else stays.

    The successor's own row, which nobody uses, goes. Raises NotFound, PermissionRefused, and RuleForbids where the
    register does not link the two (`no_successor`) or the successor has people or files here (`successor_in_use`).
    """
    school = get_unconverted(session, actor, urn=urn).school
    # Both, and in one order: meanwhile another officer may convert the school, or somebody be invited to the successor.
    both = School.urn.in_([school.urn, successor_urn])
    session.scalars(select(School).where(both).order_by(School.id).with_for_update()).all()
    found = get_unconverted(session, actor, urn=urn)
    chosen = next((one for one in found.successors if one.school.urn == successor_urn), None)
    if chosen is None:
        raise RuleForbids(
            "no_successor",
            "The national register does not name that school as a successor. Load the newest register, and try again.",
        )
    if chosen.in_use:
        raise RuleForbids(
            "successor_in_use",
            "That school has people or files of its own here, so the two cannot become one. The closed school’s "
            "safeguarding lead forwards each file to it.",
        )
    values: dict[str, Any] = {name: getattr(chosen.school, name) for name in REGISTER_COLUMNS}
    session.delete(chosen.school)
    session.add(FormerUrn(urn=school.urn, school_id=school.id, ended_on=school.closed_on))
    # The row that goes has the URN that this one takes.
    session.flush()
    school.urn = successor_urn
    for name, value in values.items():
        setattr(school, name, value)
    record(session, at, actor, Event.SCHOOL_SUCCEEDED, basis=Basis.ROLE, org=school.id, subject=school.id)


def _with_successors(session: Session, school: School) -> Unconverted:
    # Another authority's school is escrowed to other custodians: it cannot take this one's keys over.
    successors = [one for one in list_successors(session, school) if one.authority_id == school.authority_id]
    in_use = ids_in_use(session, [one.id for one in successors])
    return Unconverted(
        school=school,
        successors=tuple(Successor(school=one, in_use=one.id in in_use) for one in successors),
    )
