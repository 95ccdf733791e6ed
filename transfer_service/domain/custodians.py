"""Who may keep a share of an authority's recovery key, and how a request for their help goes.

Source of the rule: keys, "at most one of them works for the authority, none is its Head of Service or operates the
service".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

SHARES: Final = 5
DRILL_EVERY: Final = timedelta(days=365)
"""A drill is held at least once a year."""


class RecoveryState(StrEnum):
    """How far a request for the custodians' help has come."""

    REQUESTED = "requested"
    FIRST_APPROVED = "first_approved"
    APPROVED = "approved"
    EXPORTED = "exported"
    COMPLETED = "completed"
    REFUSED = "refused"


RECOVERY_STATE_LABELS: Mapping[RecoveryState, str] = MappingProxyType(
    {
        RecoveryState.REQUESTED: "Waiting for two officers",
        RecoveryState.FIRST_APPROVED: "Waiting for the second officer",
        RecoveryState.APPROVED: "Approved",
        RecoveryState.EXPORTED: "With the custodians",
        RecoveryState.COMPLETED: "Completed",
        RecoveryState.REFUSED: "Refused",
    }
)

OPEN_STATES: Final = frozenset(
    {RecoveryState.REQUESTED, RecoveryState.FIRST_APPROVED, RecoveryState.APPROVED, RecoveryState.EXPORTED}
)
"""A request in one of these is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What counts about one custodian."""

    works_for_authority: bool
    is_head_of_service: bool
    operates_service: bool


class KeeperProblem(StrEnum):
    """Why the custodians of an authority are not such that its schools can rely on them."""

    TOO_FEW = "too_few"
    TOO_MANY_OF_AUTHORITY = "too_many_of_authority"
    HEAD_OF_SERVICE = "head_of_service"
    OPERATES_SERVICE = "operates_service"


KEEPER_PROBLEM_SENTENCES: Mapping[KeeperProblem, str] = MappingProxyType(
    {
        KeeperProblem.TOO_FEW: "Not all five custodians are recorded. Record who keeps each share.",
        KeeperProblem.TOO_MANY_OF_AUTHORITY: "More than one custodian works for the authority. Hold a new ceremony "
        "with custodians of whom at most one does.",
        KeeperProblem.HEAD_OF_SERVICE: "The Head of Service keeps a share. Hold a new ceremony without her.",
        KeeperProblem.OPERATES_SERVICE: "Somebody who operates this service keeps a share. Hold a new ceremony "
        "without them.",
    }
)


def list_problems(keepers: Iterable[Keeper]) -> tuple[KeeperProblem, ...]:
    """List what is wrong with an authority's custodians; each is red."""
    present = list(keepers)
    found = (
        (KeeperProblem.TOO_FEW, len(present) < SHARES),
        (KeeperProblem.TOO_MANY_OF_AUTHORITY, sum(one.works_for_authority for one in present) > 1),
        (KeeperProblem.HEAD_OF_SERVICE, any(one.is_head_of_service for one in present)),
        (KeeperProblem.OPERATES_SERVICE, any(one.operates_service for one in present)),
    )
    return tuple(problem for problem, is_so in found if is_so)


def is_drill_due(last: datetime | None, now: datetime) -> bool:
    """Whether it is a year or longer since the last good drill, or there never was one."""
    return last is None or now - last >= DRILL_EVERY


def next_recovery_state(state: RecoveryState) -> RecoveryState | None:
    """Return where an officer's approval leads, or None where nothing is to be approved any more."""
    return {
        RecoveryState.REQUESTED: RecoveryState.FIRST_APPROVED,
        RecoveryState.FIRST_APPROVED: RecoveryState.APPROVED,
    }.get(state)
