"""An act as the log has it: its leaf, and what stands beside it where that is not lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.detail import decode_detail, split_salt
from transfer_service.audit.errors import LogError
from transfer_service.audit.leaf import Leaf, decode_leaf
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import LogDetail, LogLeaf
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import open_detail

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAct:
    """One leaf, and its sealed detail where the backup or an export has it."""

    leaf: Leaf
    sealed: bytes | None = field(default=None, repr=False)

    def facts(self, at: Installation) -> Mapping[str, Any]:
        """Return the named facts of the detail; none where it is lost or is not one that this version reads."""
        if self.sealed is None:
            return {}
        try:
            value = decode_detail(split_salt(open_detail(at, self.leaf.idx, self.sealed))[1])
        except (LogError, CryptoError):
            return {}
        facts = value.get("facts", value)
        return facts if isinstance(facts, dict) else {}


def iterate_acts(session: Session, *, start: int, end: int) -> Iterator[LoggedAct]:
    """Read the acts of the leaves from `start` up to `end`, a batch in memory at a time."""
    for first in range(start, end, _AT_ONCE):
        rows = session.execute(
            select(LogLeaf.body, LogDetail.sealed)
            .outerjoin(LogDetail, LogDetail.idx == LogLeaf.idx)
            .where(LogLeaf.idx >= first, LogLeaf.idx < min(first + _AT_ONCE, end))
            .order_by(LogLeaf.idx)
        ).all()
        yield from (LoggedAct(leaf=decode_leaf(body), sealed=sealed) for body, sealed in rows)
