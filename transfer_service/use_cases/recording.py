"""How a use case leaves its leaves in the log: in its own transaction, as its last statements.

This module imports no way to open anything, so that the authority's pages and the worker may use it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit import log
from transfer_service.audit.detail import encode_detail
from transfer_service.audit.leaf import SALT_LENGTH, LeafFields
from transfer_service.audit.log import Entry, LeafPosition
from transfer_service.db.models import LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.errors import NotFound, PermissionRefused, ServiceError, StateForbids, TooManyAttempts
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation

_DAMAGE_TOLD_EVERY: Final = timedelta(days=1)
SERVICE_ROLE = "service"
"""The role in a leaf of what the service does by itself, or an operator by the command line."""

_BASIS_OF_REFUSAL: Mapping[type[ServiceError], Basis] = {
    PermissionRefused: Basis.NO_PERMISSION,
    NotFound: Basis.NOT_VISIBLE,
    StateForbids: Basis.WRONG_STATE,
    TooManyAttempts: Basis.TOO_MANY_ATTEMPTS,
}


def entry(
    actor: Actor | None,
    event: Event,
    *,
    detail: Mapping[str, Any] | None = None,
    org: UUID | None = None,
    **said: Any,
) -> Entry:
    """One leaf to be: who, in which roles, for whom, and what (`said` are fields of `audit.leaf.LeafFields`).

    `detail` may name what a leaf must not, such as a person's name for the receipt's sentence; the leaf only commits
    to it, and it can be erased. `org` is the organisation concerned where the actor belongs to none or to another.
    """
    acting = actor.organisation_id if actor else None
    leaf = LeafFields(
        event=event.value,
        actor=actor.person_id if actor else None,
        role="/".join(sorted(actor.effective_roles)) or None if actor else SERVICE_ROLE,
        org=org or acting,
        on_behalf=acting if org and acting != org else None,
        request=actor.request_id if actor else None,
        **said,
    )
    if detail is None:
        return Entry(leaf=leaf)
    return Entry(leaf=leaf, detail=encode_detail(detail), salt=secrets.token_bytes(SALT_LENGTH))


def record(session: Session, at: Installation, actor: Actor | None, event: Event, **said: Any) -> LeafPosition:
    """Append one leaf; `said` as for `entry`. The last statement before the commit. Raises LogFrozen."""
    return record_all(session, at, [entry(actor, event, **said)])[0]


def record_all(session: Session, at: Installation, entries: Sequence[Entry]) -> list[LeafPosition]:
    """Append several leaves under one lock of the log's head. The last statement before the commit."""

    def seal_detail(idx: int, detail: bytes) -> bytes:
        return at.field_keys.seal_field(detail, table="log_detail", column="sealed", row=UUID(int=idx))

    return log.append_all(session, entries=entries, now=at.now(), seal_detail=seal_detail)


def open_detail(at: Installation, idx: int, sealed: bytes) -> bytes:
    """What stands beside a leaf: its salt and detail, opened with the service's field keys."""
    return at.field_keys.open_field(sealed, table="log_detail", column="sealed", row=UUID(int=idx))


def record_refusal(database: Database, at: Installation, actor: Actor, error: ServiceError, *, doing: str) -> None:
    """Record that a signed-in person was refused, after the rollback and in a transaction of its own.

    `doing` names the use case or route, never what was asked for.
    """
    basis = next((basis for kind, basis in _BASIS_OF_REFUSAL.items() if isinstance(error, kind)), Basis.RULE)
    with database.writing() as session:
        record(session, at, actor, Event.ACCESS_REFUSED, basis=basis, detail={"doing": doing})


def record_damage(database: Database, at: Installation, person_id: UUID) -> None:
    """Record that what is stored of somebody's account was found changed; at most once a day for each person.

    Whoever knows an address could else fill the log by trying to sign in.
    """
    with database.writing() as session:
        told = select(LogLeaf.idx).where(
            LogLeaf.subject == person_id,
            LogLeaf.event == Event.ACCOUNT_DAMAGED.value,
            LogLeaf.at > at.now() - _DAMAGE_TOLD_EVERY,
        )
        if session.scalar(told.limit(1)) is None:
            record(session, at, None, Event.ACCOUNT_DAMAGED, subject=person_id, basis=Basis.RULE)
