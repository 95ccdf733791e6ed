"""Pages for authorities: oversight without any way to read a note.

Nothing here, along no chain of imports, reaches what opens a sealed item (tests/architecture).
"""

from transfer_service.web.authority import (
    approvals,
    audit,
    compliance,
    conversions,
    entries,
    holds,
    overdue,
    people,
    policy_letters,
    recovery,
    recovery_requests,
    schools,
    upkeep,
)
from transfer_service.web.authority.frame import blueprint

__all__ = [
    "approvals",
    "audit",
    "blueprint",
    "compliance",
    "conversions",
    "entries",
    "holds",
    "overdue",
    "people",
    "policy_letters",
    "recovery",
    "recovery_requests",
    "schools",
    "upkeep",
]
