"""What a restore means for drafts: a school signs only what the log recorded as sealed, and the rows are older again.

Where a note stands as an earlier wording, or was added after the backup and is lost, leaves say so, and the draft can
be sent. Nothing is said of an item whose sealing no leaf records: that one somebody put into the backup.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf, decode_leaf
from transfer_service.audit.log import Entry
from transfer_service.db.models import Dispatch, LogLeaf
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.recording import entry

_SEALING: Final = {ItemKind.NOTE: Event.NOTE_SEALED, ItemKind.ATTACHMENT: Event.ATTACHMENT_SEALED}
_EVENTS: Final = tuple(event.value for event in (*_SEALING.values(), Event.ITEM_REMOVED))
_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class _Recorded:
    """What the log says of one draft: by item the newest digest, and where it was said; and every digest there was."""

    newest: dict[UUID, tuple[bytes | None, int]] = field(default_factory=dict)
    ever: set[tuple[UUID, bytes | None]] = field(default_factory=set)


def iterate_sealing(session: Session) -> Iterator[Leaf]:
    """Read the leaves of the log that say what was sealed into drafts, or taken out of them."""
    bodies = session.scalars(
        select(LogLeaf.body)
        .where(LogLeaf.event.in_(_EVENTS))
        .order_by(LogLeaf.idx)
        .execution_options(yield_per=_AT_ONCE)
    )
    for body in bodies:
        yield decode_leaf(body)


def settle_drafts(session: Session, leaves: Iterable[Leaf], *, since: int, is_successor: bool) -> list[Entry]:
    """Return the leaves after which the log records of each draft what its rows hold.

    `leaves` are those of the log that the backup is of; from `since` on they are newer than it. A successor's own log
    records nothing yet, so that everything is said again.
    """
    drafts = session.scalars(select(Dispatch).where(Dispatch.status == Status.DRAFT).order_by(Dispatch.id)).all()
    recorded = _read(leaves, {draft.id for draft in drafts})
    said: list[Entry] = []
    for draft in drafts:
        of_draft = recorded[draft.id]
        held = {
            place.item_id: place.item
            for place in draft.items
            if place.item.transfer_id == draft.transfer_id and place.item.kind in _SEALING
        }
        for item in held.values():
            digest, _ = of_draft.newest.get(item.id, (None, 0))
            is_said = digest == item.content_digest and not is_successor
            if not is_said and (item.id, item.content_digest) in of_draft.ever:
                said.append(_leaf(draft, _SEALING[item.kind], item.id, item.content_digest))
        for item_id, (digest, idx) in of_draft.newest.items():
            if item_id not in held and idx >= since and not is_successor:
                said.append(_leaf(draft, Event.ITEM_REMOVED, item_id, digest))
    return said


def _read(leaves: Iterable[Leaf], drafts: set[UUID]) -> defaultdict[UUID, _Recorded]:
    recorded: defaultdict[UUID, _Recorded] = defaultdict(_Recorded)
    for leaf in leaves:
        dispatch, item = leaf.said.dispatch, leaf.said.item
        if dispatch is None or dispatch not in drafts:
            continue
        if item is None or leaf.said.event not in _EVENTS:
            continue
        of_draft = recorded[dispatch]
        if leaf.said.event == Event.ITEM_REMOVED:
            of_draft.newest.pop(item, None)
        else:
            of_draft.newest[item] = (leaf.said.digest, leaf.idx)
            of_draft.ever.add((item, leaf.said.digest))
    return recorded


def _leaf(draft: Dispatch, event: Event, item_id: UUID, digest: bytes | None) -> Entry:
    return entry(
        None, event, basis=Basis.RESTORE, org=draft.transfer.sending_school_id, subject=item_id,
        transfer=draft.transfer_id, dispatch=draft.id, item=item_id, digest=digest,
    )  # fmt: skip
