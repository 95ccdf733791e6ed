"""The leaves of the exchange: what each says about a dispatch, and what the log says of a transfer by now."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf, decode_readable
from transfer_service.audit.log import Entry
from transfer_service.db.models import Dispatch, School
from transfer_service.db.queries import transfers as queries
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.roles import ROLE_LABELS, Actor
from transfer_service.use_cases.keys.holding import SchoolKeys
from transfer_service.use_cases.recording import entry


def leaf_of(
    actor: Actor,
    event: Event,
    dispatch: Dispatch,
    *,
    basis: Basis = Basis.ROLE,
    item: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
    **said: Any,
) -> Entry:
    """One leaf about a dispatch, or about one item of it."""
    return entry(
        actor,
        event,
        basis=basis,
        subject=item or dispatch.id,
        transfer=dispatch.transfer_id,
        dispatch=dispatch.id,
        item=item,
        detail=detail,
        **said,
    )


def leaf_of_signed(
    actor: Actor, event: Event, dispatch: Dispatch, keys: SchoolKeys, *, digest: bytes | None, detail: Mapping[str, Any]
) -> Entry:
    """One leaf about what a school signed with the key that it has in use: the digest is of what was signed."""
    number, key = keys.active
    return leaf_of(actor, event, dispatch, digest=digest, epoch=number, key=key.fingerprint.hex, detail=detail)


def list_logged(session: Session, transfer_id: UUID, events: Collection[Event]) -> list[Leaf]:
    """List what the log says of these events about a transfer, in its order; damaged leaves are passed over."""
    return list(decode_readable(queries.list_leaf_bodies(session, transfer_id=transfer_id, events=events)))


def say_school(school: School) -> str:
    """A school as people tell it from its namesakes: name, town, LA code and URN."""
    town = f", {school.town}" if school.town else ""
    return f"{school.name}{town} (LA {school.la_code}, URN {school.urn})"


def say_roles(actor: Actor) -> str:
    """The roles in which somebody acted."""
    return " and ".join(sorted(ROLE_LABELS[role].lower() for role in actor.effective_roles))
