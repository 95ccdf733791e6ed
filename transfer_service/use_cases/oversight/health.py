"""How the log stands: its size, its newest checkpoint, who witnessed it, and whether it is frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.audit.policy import parse_policy
from transfer_service.audit.standing import count_witnesses
from transfer_service.db.queries import log as queries
from transfer_service.domain import permissions
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation

UNSIGNED_TOO_LONG: Final = timedelta(minutes=10)
"""The signer runs every few seconds: leaves without a checkpoint for this long mean that it stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """The state of the log. `signed_size` is 0 and `signed_at` None where nothing was signed yet."""

    size: int
    signed_size: int
    signed_at: datetime | None
    witnesses: int
    """How many independent parties cosigned the newest checkpoint that anybody cosigned."""
    witnessed_size: int
    is_frozen: bool
    signer_is_late: bool

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything about it."""
        return not (self.is_frozen or self.signer_is_late)


def get_log_health(session: Session, at: Installation, actor: Actor, *, policy: str = "") -> LogHealth:
    """Return the state of the log, with the witnesses that the `policy` names; raises PermissionRefused.

    It names nobody, so that looking leaves no leaf.
    """
    permissions.check(actor, Permission.HEALTH_READ)
    head = queries.get_head(session)
    signed = queries.find_newest_checkpoint(session)
    witnessed_size, witnesses = count_witnesses(session, parse_policy(policy) if policy else None)
    unsigned_since = None
    if head.size > (signed.size if signed else 0):
        unsigned_since = queries.find_leaf_time(session, signed.size if signed else 0)
    return LogHealth(
        size=head.size,
        signed_size=signed.size if signed else 0,
        signed_at=signed.signed_at if signed else None,
        witnesses=witnesses,
        witnessed_size=witnessed_size,
        is_frozen=head.frozen,
        signer_is_late=unsigned_since is not None and at.now() - unsigned_since > UNSIGNED_TOO_LONG,
    )
