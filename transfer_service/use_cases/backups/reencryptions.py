"""Items that were encrypted again, after a restore: the log says again which of it the rows of the backup know.

What was encrypted again after the backup stands as it was before: its new bytes and keys are lost, the old ones came
back with the backup. Nothing opens where log and rows disagree about it, so that each difference gets a leaf.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.leaf import LeafFields, decode_leaf
from transfer_service.audit.log import Entry
from transfer_service.crypto.reencryption import reencryption_hash
from transfer_service.db.models import Item, ItemReencryption, LogLeaf
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.recording import entry

_AT_ONCE = 500


def settle_reencryptions(session: Session) -> list[Entry]:
    """Return the leaves after which the log knows exactly the statements that are there."""
    logged = _load_logged(session)
    stored: set[bytes] = set()
    leaves = []
    rows = session.execute(
        select(ItemReencryption, Item)
        .join(Item, Item.id == ItemReencryption.item_id)
        .order_by(ItemReencryption.created_at, ItemReencryption.item_id, ItemReencryption.revision)
    )
    for row, item in rows:
        digest = reencryption_hash(row.statement)
        stored.add(digest)
        if digest not in logged:
            leaves.append(
                entry(
                    None, Event.ITEM_REENCRYPTED, basis=Basis.RESTORE, org=row.school_id, subject=item.id,
                    item=item.id, transfer=item.transfer_id, epoch=row.epoch, digest=digest,
                )
            )  # fmt: skip
    lost = {digest: said for digest, said in logged.items() if digest not in stored}
    for digest, said in lost.items():
        found = session.get(Item, said.item)
        if found is not None:
            leaves.append(
                entry(
                    None, Event.ITEM_REVERTED, basis=Basis.RESTORE, org=said.org, subject=found.id,
                    item=found.id, transfer=found.transfer_id, digest=digest,
                )
            )  # fmt: skip
    return leaves


def _load_logged(session: Session) -> dict[bytes, LeafFields]:
    """Return what the log says was encrypted again and was not undone by an earlier restore, by its digest."""
    logged: dict[bytes, LeafFields] = {}
    bodies = session.scalars(
        select(LogLeaf.body)
        .where(LogLeaf.event.in_([Event.ITEM_REENCRYPTED.value, Event.ITEM_REVERTED.value]))
        .order_by(LogLeaf.idx)
        .execution_options(yield_per=_AT_ONCE)
    )
    for body in bodies:
        said = decode_leaf(body).said
        if said.digest is None:
            continue
        if said.event == Event.ITEM_REENCRYPTED:
            logged[said.digest] = said
        else:
            logged.pop(said.digest, None)
    return logged
