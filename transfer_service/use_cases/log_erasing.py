"""Erasing what stands beside an entry of the log: a name that has to go, while the tree stays whole.

Nothing here is for the pages: whoever operates the service does it by command, for a reason of a closed list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import erase_details
from transfer_service.audit.nodes import log_size
from transfer_service.domain.errors import AlreadyDone, NotFound
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.installation import Installation

ERASING_BASES: Final = (Basis.DATA_PROTECTION_REQUEST, Basis.COURT_ORDER, Basis.LEGAL_OBLIGATION)
"""Why what stands beside an entry may be erased (UK GDPR, article 17, and what a court or a law orders)."""


def erase_words(session: Session, at: Installation, *, indexes: Sequence[int], basis: Basis) -> int:
    """Erase what stands beside these entries; each erasure is an entry that names the index. Returns how many.

    The entries themselves stay, and with them who acted and when: they hold no personal data but identifiers. Raises
    NotFound where the log has no such entry, and then nothing is erased; AlreadyDone where nothing stands beside any
    of them (any more).
    """
    size = log_size(session)
    if not all(0 <= idx < size for idx in indexes):
        raise NotFound("log entry")
    leaf = LeafFields(event=Event.DETAIL_ERASED.value, basis=basis.value)
    erased = erase_details(session, indexes, leaf=leaf, now=at.now())
    if not erased:
        raise AlreadyDone(
            "erase words", "Nothing stands beside these entries: they had no words, or were erased before."
        )
    return len(erased)
