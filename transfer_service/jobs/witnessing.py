"""Asking the witnesses of the policy to cosign the newest checkpoint (C2SP tlog-witness, `add-checkpoint`).

Other witnesses come by themselves (`witness pull`). Source: https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from transfer_service.audit.asking import WebRefused, post
from transfer_service.audit.errors import LogError
from transfer_service.audit.nodes import prove_consistency
from transfer_service.audit.policy import Policy, parse_policy
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.witness import Request, write_request
from transfer_service.db.models import LogCosignature
from transfer_service.db.session import Database
from transfer_service.domain.errors import ServiceError
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.public_log import keep_cosignatures

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessRound:
    """Asks each witness whose address stands in the policy."""

    database: Database
    at: Installation
    policy: str
    send: Callable[[str, bytes], bytes] = post

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Ask one witness after the other; one that does not answer holds up nobody."""
        if not self.policy:
            return ""
        policy = parse_policy(self.policy)
        cosigned = 0
        for name, address in policy.addresses.items():
            if should_stop():
                break
            try:
                cosigned += self._ask(address, policy, name)
            except (WebRefused, LogError, ServiceError) as error:
                _log.warning("witness did not cosign", error=type(error).__name__)
        return f"cosigned by {cosigned} of {len(policy.addresses)}" if cosigned else ""

    def _ask(self, address: str, policy: Policy, name: str) -> int:
        with self.database.reading() as session:
            newest = find_newest_checkpoint(session)
            old = _cosigned_size(session, policy, name)
            if newest is None or old >= newest.size:
                return 0
            request = _request(session, old, newest.size, newest.note)
        try:
            lines = self.send(f"{address}/add-checkpoint", write_request(request))
        except WebRefused as refusal:
            stands_at = _size_in(refusal)
            if stands_at is None or stands_at > newest.size:
                raise
            # It saw another size than we know of, for instance by pulling: prove the growth from there.
            with self.database.reading() as session:
                request = _request(session, stands_at, newest.size, newest.note)
            lines = self.send(f"{address}/add-checkpoint", write_request(request))
        with self.database.writing() as session:
            return keep_cosignatures(session, self.at, note=newest.note + lines, policy=self.policy).new


def _cosigned_size(session: Session, policy: Policy, name: str) -> int:
    """The size that this witness cosigned last, as far as we know; 0 for none."""
    key = policy.witnesses[name]
    size = session.scalar(
        select(func.max(LogCosignature.size)).where(
            LogCosignature.witness == key.name, LogCosignature.key_id == key.key_id
        )
    )
    return size or 0


def _request(session: Session, old: int, new: int, note: bytes) -> Request:
    proof = tuple(prove_consistency(session, old, new)) if 0 < old < new else ()
    return Request(old, proof, note)


def _size_in(refusal: WebRefused) -> int | None:
    """The size at which a witness says that it stands, where that is what it says."""
    text = refusal.body.strip()
    if refusal.status != HTTPStatus.CONFLICT or not text.isdigit() or len(text) > 18:
        return None
    return int(text)
