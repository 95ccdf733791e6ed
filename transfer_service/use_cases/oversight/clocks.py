"""An authority's clock rules: what is counted, from when, for how long. A change holds for dispatches to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.db.models import Authority
from transfer_service.domain import permissions
from transfer_service.domain.deadlines import (
    CLOCK_START_LABELS,
    CLOCK_UNIT_LABELS,
    DEFAULT_RECEIVER_RULE,
    DEFAULT_RULES,
    ClockRule,
    ClockStart,
)
from transfer_service.domain.errors import Invalid, NotFound
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.domain.transfer import TRANSFER_KIND_LABELS, TransferKind
from transfer_service.use_cases.calendars import RECEIVER
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record

CLOCKS: Mapping[str, str] = MappingProxyType(
    {**{kind.value: f"Sending – {TRANSFER_KIND_LABELS[kind]}" for kind in TransferKind}, RECEIVER: "Acknowledging"}
)
"""Every clock by its name among the rules, as people read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock as it counts now; `is_own` says that the authority has set it."""

    name: str
    label: str
    rule: ClockRule
    is_own: bool

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        counted = "counted" if self.rule.first_day_counts else "not counted"
        whose = self.rule.calendar.value.replace("_", " ")
        return (
            f"{self.rule.length} {CLOCK_UNIT_LABELS[self.rule.unit]} from {CLOCK_START_LABELS[self.rule.start]}, "
            f"that day {counted}, by the {whose}'s calendar"
        )


def list_clocks(session: Session, actor: Actor) -> list[Clock]:
    """List every clock of the actor's authority; raises NotFound, PermissionRefused."""
    authority = session.get_one(Authority, authority_of(actor))
    permissions.check(actor, Permission.AUTHORITY_SETTINGS_EDIT)
    return [_clock(authority, name) for name in CLOCKS]


def get_clock(session: Session, actor: Actor, *, name: str) -> Clock:
    """Return one clock by its name; raises NotFound, PermissionRefused."""
    authority = session.get_one(Authority, authority_of(actor))
    permissions.check(actor, Permission.AUTHORITY_SETTINGS_EDIT)
    if name not in CLOCKS:
        raise NotFound("clock")
    return _clock(authority, name)


def set_clock(session: Session, at: Installation, actor: Actor, *, name: str, rule: ClockRule | None) -> None:
    """Set one clock for dispatches to come; None brings the usual rule back.

    Dates that were counted before stay as they are. Raises NotFound, PermissionRefused, Invalid for a start that the
    clock cannot have.
    """
    authority = session.scalars(select(Authority).where(Authority.id == authority_of(actor)).with_for_update()).one()
    permissions.check(actor, Permission.AUTHORITY_SETTINGS_EDIT)
    if name not in CLOCKS:
        raise NotFound("clock")
    if rule is not None and (rule.start is ClockStart.SENT) is not (name == RECEIVER):
        raise Invalid({"start": ["Choose a start that this clock can have"]})
    rules: dict[str, Any] = dict(authority.clock_rules or {})
    rules.pop(name, None)
    if rule is not None:
        rules[name] = rule.to_mapping()
    authority.clock_rules = rules or None
    changed = _clock(authority, name)
    record(
        session,
        at,
        actor,
        Event.SETTING_CHANGED,
        basis=Basis.ROLE,
        subject=authority.id,
        detail=tell(
            f"The clock “{changed.label}” runs for {changed.words}.",
            clock=name,
            is_own="yes" if changed.is_own else "no",
        ),
    )


def _clock(authority: Authority, name: str) -> Clock:
    rules: Mapping[str, Any] = authority.clock_rules or {}
    usual = DEFAULT_RECEIVER_RULE if name == RECEIVER else DEFAULT_RULES[TransferKind(name)]
    rule = ClockRule.from_mapping(rules[name]) if name in rules else usual
    return Clock(name=name, label=CLOCKS[name], rule=rule, is_own=name in rules)
