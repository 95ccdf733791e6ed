"""What both halves of the walk stand on: the world, the model, and the questions that every rule asks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import ClassVar, TypeVar
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cast import Cast, Member
from tests.integration.keys.lifecycle.entitlement import Lead, Model, Parcel
from tests.integration.keys.lifecycle.world import Template, World
from transfer_service.db.models import ItemGrant
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys

One = TypeVar("One")


def chosen(candidates: Sequence[One], pick: int) -> One:
    """One of them, by a number that may be larger than there are; a small number is a simple choice."""
    return candidates[pick % len(candidates)]


class Walk(RuleBasedStateMachine):
    """The walk's world and model; the rules are in `keys_walk` and `files_walk`."""

    template: ClassVar[Template]
    world: World
    model: Model

    @property
    def at(self) -> Installation:
        return self.world.at

    @property
    def now(self) -> datetime:
        return self.world.clock()

    @property
    def cast(self) -> Cast:
        return self.template.cast

    @property
    def schools(self) -> list[UUID]:
        return list(self.model.schools)

    def writing(self) -> AbstractContextManager[Session]:
        return self.world.database.writing()

    def with_keys(self, lead: Lead) -> tuple[Member, SchoolKeys]:
        """A lead, signed in, with the school's keys as for one request: exactly those that the model says."""
        member = self.world.who(lead.person)
        keys = member.school_keys(self.world.service)
        assert set(keys.epochs) == lead.holds
        return member, keys

    def acting(self) -> list[Lead]:
        """Everybody who can sign and seal with their school's key of now."""
        return [lead for school in self.schools for lead in self.model.holders(school) if lead.has_password]

    def hand_over(self, parcel: Parcel, *, own: bool = True) -> None:
        """Every item is sealed to the receiving school's key of now, and to the sending school's."""
        for school_id in (parcel.receiver, *((parcel.sender,) if own else ())):
            active = self.model.schools[school_id].active
            if active is not None:
                for item in parcel.items:
                    self.seal(parcel, item, school_id, active)

    def seal(self, parcel: Parcel, item: UUID, school: UUID, epoch: int) -> None:
        self.model.sealed.setdefault((parcel.number, item), {}).setdefault(school, set()).add(epoch)

    def grants_of(self, school: UUID) -> dict[tuple[UUID, UUID], set[int]]:
        """The epochs of a school that each item of each dispatch is sealed to, as the rows say."""
        found: dict[tuple[UUID, UUID], set[int]] = {}
        with self.world.database.reading() as session:
            for row in session.scalars(select(ItemGrant).where(ItemGrant.recipient_id == school)):
                found.setdefault((row.dispatch_id, row.item_id), set()).add(row.epoch)
        return found
