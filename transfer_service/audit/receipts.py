"""Receipts: one leaf with its place in the log, composed on request as a `.tlog-proof`.

The extra data is JSON in canonical form; `verifier.py` reads it and believes none of it before it has checked it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.cosignature import cosigned_note
from transfer_service.audit.errors import LogInconsistent, ReceiptNotReady
from transfer_service.audit.leaf import decode_leaf
from transfer_service.audit.log import OpenDetail, open_detail
from transfer_service.audit.nodes import prove_consistency, prove_inclusion
from transfer_service.audit.policy import Policy
from transfer_service.audit.proof import write_proof
from transfer_service.audit.standing import find_standing
from transfer_service.audit.tree import hash_leaf, verifies_consistency, verifies_inclusion
from transfer_service.db.models.log import LogCheckpoint, LogLeaf

EXTRA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class AcknowledgementProof:
    """What shows who acknowledged: the signed bytes, whose SHA-256 is the leaf's `digest`, and the school's signature.

    `suite` and the two public halves are those of the key whose fingerprint is the leaf's `key`.
    """

    signed: bytes
    signature: bytes
    suite: int
    kem_public: bytes
    signing_public: bytes


def find_newest_checkpoint(session: Session) -> LogCheckpoint | None:
    """Return the newest checkpoint, or None where nothing was signed yet."""
    return session.scalars(select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1)).one_or_none()


def find_earlier_receipt(
    session: Session, idx: int, *, org: UUID, events: Collection[str], policy: Policy | None = None
) -> int | None:
    """Return the size of the checkpoint under an organisation's receipt before this leaf, or None for its first one.

    Receipts stand on the first checkpoint that covers their leaf and that the policy's witnesses have seen. A receipt
    `since` that size proves that the log only grew since the receipt that the organisation already holds: its receipts
    make one chain.
    """
    standing = find_standing(session, idx, policy)
    if standing is None:
        return None
    before = session.scalar(
        select(LogCheckpoint.size)
        .where(LogCheckpoint.size < standing.checkpoint.size)
        .order_by(LogCheckpoint.size.desc())
        .limit(1)
    )
    if before is None:
        return None
    # One look into the index for each event: a school may have many thousand leaves between two receipts.
    newest = [
        select(func.max(LogLeaf.idx).label("idx")).where(
            LogLeaf.org == org, LogLeaf.event == event, LogLeaf.idx < before
        )
        for event in sorted(events)
    ]
    each = union_all(*newest).subquery()
    earlier = session.scalar(select(func.max(each.c.idx)))
    if earlier is None:
        return None
    # Where both stand on one checkpoint, which witnesses saw late, the growth is proven from where the earlier began.
    held = [find_standing(session, earlier, policy), find_standing(session, earlier)]
    sizes = [one.checkpoint.size for one in held if one is not None]
    return next((size for size in sizes if size < standing.checkpoint.size), None)


def compose_receipt(
    session: Session,
    idx: int,
    *,
    open_sealed: OpenDetail | None,
    acknowledgement: AcknowledgementProof | None = None,
    size: int | None = None,
    since: int | None = None,
    policy: Policy | None = None,
) -> bytes:
    """Compose the receipt of the leaf `idx` as the bytes of a `.tlog-proof`.

    By default it stands on the first checkpoint that covers the leaf, with a `policy` on the first that enough of its
    witnesses cosigned where there is one; `size` chooses another one. It proves consistency with the checkpoint before
    that; `since` chooses an earlier one, for a school that wants to compare with a receipt it holds. Without
    `open_sealed` it carries the leaf alone and not what stands beside it. Raises ReceiptNotReady where there is no such
    checkpoint, LogInconsistent where what is stored does not fit together.
    """
    leaf = session.get(LogLeaf, idx)
    if size is None:
        standing = find_standing(session, idx, policy)
        checkpoint = None if standing is None else standing.checkpoint
    else:
        checkpoint = session.get(LogCheckpoint, size)
    if leaf is None or checkpoint is None or checkpoint.size <= idx:
        raise ReceiptNotReady
    extra = _write_extra(
        leaf=leaf.body,
        detail=_find_detail(session, leaf, open_sealed) if open_sealed else None,
        acknowledgement=_check_acknowledgement(leaf, acknowledgement),
        previous=_find_previous(session, checkpoint, since),
    )
    return write_proof(
        index=idx,
        hashes=_prove_place(session, leaf, checkpoint),
        note=cosigned_note(session, checkpoint, witnesses=policy.witnesses.values() if policy else ()),
        extra=extra,
    )


def _prove_place(session: Session, leaf: LogLeaf, checkpoint: LogCheckpoint) -> list[bytes]:
    """Prove the leaf's place, and read the proof as whoever gets it will: one that fails is not handed out."""
    named = parse_checkpoint(checkpoint.note).checkpoint
    hashes = prove_inclusion(session, leaf.idx, checkpoint.size)
    if not verifies_inclusion(
        index=leaf.idx, size=named.size, leaf_hash=hash_leaf(leaf.body), proof=hashes, root=named.root
    ):
        raise _does_not_fit()
    return hashes


def _does_not_fit() -> LogInconsistent:
    return LogInconsistent(
        "What is stored of the log does not fit together here: a receipt would not hold, and none was made. Tell the "
        "people who run this service; `transfer-service audit verify` says to them what is wrong."
    )


def _find_detail(session: Session, leaf: LogLeaf, open_sealed: OpenDetail) -> tuple[bytes, bytes] | None:
    if decode_leaf(leaf.body).commit is None:
        return None
    return open_detail(session, leaf.idx, open_sealed=open_sealed)


def _check_acknowledgement(leaf: LogLeaf, proof: AcknowledgementProof | None) -> AcknowledgementProof | None:
    if proof is None:
        return None
    said = decode_leaf(leaf.body).said
    if said.digest != hashlib.sha256(proof.signed).digest() or said.key is None:
        raise LogInconsistent(
            "The acknowledgement is not the one that the log holds, or its leaf does not name the signing key."
        )
    return proof


def _find_previous(session: Session, checkpoint: LogCheckpoint, since: int | None) -> tuple[bytes, list[bytes]] | None:
    """Return the earlier checkpoint's note and the proof that the receipt's tree begins with it."""
    choice = (
        select(LogCheckpoint).where(LogCheckpoint.size < checkpoint.size).order_by(LogCheckpoint.size.desc()).limit(1)
    )
    if since is not None:
        choice = choice.where(LogCheckpoint.size == since)
    previous = session.scalars(choice).one_or_none()
    if previous is None:
        if since is not None:
            raise ReceiptNotReady
        return None
    old, new = (parse_checkpoint(row.note).checkpoint for row in (previous, checkpoint))
    proof = prove_consistency(session, previous.size, checkpoint.size)
    if not verifies_consistency(
        old_size=old.size, old_root=old.root, new_size=new.size, new_root=new.root, proof=proof
    ):
        raise _does_not_fit()
    return previous.note, proof


def _write_extra(
    *,
    leaf: bytes,
    detail: tuple[bytes, bytes] | None,
    acknowledgement: AcknowledgementProof | None,
    previous: tuple[bytes, list[bytes]] | None,
) -> bytes:
    value: dict[str, Any] = {"v": EXTRA_VERSION, "leaf": _b64(leaf)}
    if detail:
        value["salt"], value["detail"] = _b64(detail[0]), _b64(detail[1])
    if acknowledgement:
        value["acknowledgement"] = {
            "signed": _b64(acknowledgement.signed),
            "signature": _b64(acknowledgement.signature),
            "suite": acknowledgement.suite,
            "kem_public": _b64(acknowledgement.kem_public),
            "signing_public": _b64(acknowledgement.signing_public),
        }
    if previous:
        value["previous"] = {"checkpoint": _b64(previous[0]), "proof": [_b64(digest) for digest in previous[1]]}
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()
