"""The letter about the log's policy that an authority prints for each of its schools; each leaves its leaf first."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.policy import NO_QUORUM, Policy, parse_policy
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.events import Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look
from transfer_service.use_cases.oversight.scope import get_own_school


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLetter:
    """What the letter to a school says of the log. `size` is 0 and `root` empty before the first checkpoint."""

    school: SchoolShown
    origin: str
    witnesses: tuple[tuple[str, str], ...]
    quorum: str
    size: int
    root: str


def record_policy_letter(session: Session, at: Installation, actor: Actor, *, urn: str, policy: str) -> Look:
    """Record that the letter to a school is printed; raises NotFound, PermissionRefused, RuleForbids with no policy."""
    school = get_own_school(session, actor, urn=urn)
    if not policy:
        raise RuleForbids(
            "no_policy",
            "This installation has no policy of the log yet. Ask whoever operates the service to set LOG_POLICY.",
        )
    return record_look(
        session, at, actor, Event.POLICY_LETTER_ISSUED, permission=Permission.AUDIT_READ, subject=school.id
    )


def write_policy_letter(session: Session, actor: Actor, *, look: Look, urn: str, policy: str) -> PolicyLetter:
    """Return what the letter says; raises NotFound where its printing was not recorded for this very school."""
    school = get_own_school(session, actor, urn=urn)
    check_look(look, actor, Event.POLICY_LETTER_ISSUED, subject=school.id)
    parsed = parse_policy(policy)
    newest = find_newest_checkpoint(session)
    signed = parse_checkpoint(newest.note).checkpoint if newest is not None else None
    return PolicyLetter(
        school=show_schools(session, [school])[school.id],
        origin=parsed.logs[-1].name,
        witnesses=tuple((name, key.text) for name, key in parsed.witnesses.items()),
        quorum=_say_quorum(parsed),
        size=signed.size if signed is not None else 0,
        root=base64.b64encode(signed.root).decode() if signed is not None else "",
    )


def _say_quorum(policy: Policy) -> str:
    if policy.quorum == NO_QUORUM:
        return "none"
    if policy.quorum in policy.witnesses:
        return policy.quorum
    needed, members = policy.groups[policy.quorum]
    return f"{needed} of {len(members)}: {', '.join(members)}"
