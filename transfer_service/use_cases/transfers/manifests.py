"""The manifest of a dispatch: made and signed by the sending school, checked by whoever opens.

Its hash is the digest of the leaf of sending, so that a manifest that was exchanged later, even with the sender's own
key, is found.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from transfer_service.audit.errors import LeafMalformed
from transfer_service.audit.leaf import decode_leaf
from transfer_service.crypto import formats
from transfer_service.crypto.manifest import (
    NO_PREVIOUS_MANIFEST,
    Manifest,
    ManifestItem,
    ManifestRecipient,
    manifest_hash,
    withheld_and_paper_digest,
)
from transfer_service.crypto.suites import EpochKey, check_signature
from transfer_service.db.models import Dispatch, Item
from transfer_service.db.queries.transfers import get_leaf_body
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.events import Event
from transfer_service.domain.transfer import DispatchKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import PublicEpoch, get_public_epoch
from transfer_service.use_cases.transfers.failures import said_plainly

_KINDS = {
    DispatchKind.FILE: formats.DispatchKind.FILE,
    DispatchKind.NIL: formats.DispatchKind.NIL,
}
_CHAINED_KINDS = frozenset({formats.DispatchKind.DELIVERY, formats.DispatchKind.REDIRECT, formats.DispatchKind.FORWARD})
_SENDING_EVENTS = frozenset(
    event.value
    for event in (
        Event.DISPATCH_SENT,
        Event.DISPATCH_WAITING,
        Event.DISPATCH_DELIVERED,
        Event.DISPATCH_REDIRECTED,
        Event.NIL_DECLARED,
        Event.ITEM_RESEALED,
    )
)


def manifest_kind(kind: DispatchKind) -> formats.DispatchKind:
    """The number under which a manifest announces a dispatch of this kind when it is first sent."""
    return _KINDS[kind]


def sign_manifest(
    at: Installation,
    *,
    dispatch: Dispatch,
    kind: formats.DispatchKind,
    previous_hash: bytes | None,
    cover: Item,
    items: Sequence[Item],
    signer: tuple[int, EpochKey],
    recipients: Sequence[PublicEpoch],
) -> bytes:
    """Sign what the sending school vouches for, store it on the dispatch and return its hash.

    `items` are the notes, attachments and remarks in order; the cover stands in the manifest by its content digest.
    The receiving school always stands among the recipients, with or without a key.
    """
    number, key = signer
    manifest = Manifest(
        deployment=at.deployment,
        transfer=dispatch.transfer_id,
        dispatch=dispatch.id,
        number=dispatch.number,
        kind=kind,
        previous_hash=previous_hash or NO_PREVIOUS_MANIFEST,
        cover_digest=cover.content_digest,
        withheld_and_paper_digest=withheld_and_paper_digest(withheld=dispatch.withheld or []),
        signer_org=dispatch.transfer.sending_school_id,
        signer_epoch=number,
        items=tuple(
            ManifestItem(
                item=item.id,
                revision=item.revision,
                ciphertext_sha256=item.ciphertext_sha256,
                content_digest=item.content_digest,
            )
            for item in items
        ),
        recipients=_list_recipients(dispatch, recipients),
    )
    encoded = manifest.encode()
    dispatch.manifest = encoded
    dispatch.manifest_signature = key.sign(encoded)
    dispatch.manifest_hash = manifest_hash(encoded)
    dispatch.sender_epoch = number
    return dispatch.manifest_hash


def verify_manifest(session: Session, at: Installation, dispatch: Dispatch) -> Manifest:
    """Check a dispatch's manifest against the sender's authenticated key, its place, and the log; return it.

    Raises CannotOpen with PUBLIC_KEY_NOT_AUTHENTIC, MANIFEST_SIGNATURE, UNKNOWN_FORMAT or MANIFEST_NOT_AS_LOGGED.
    """
    encoded, signature, epoch = dispatch.manifest, dispatch.manifest_signature, dispatch.sender_epoch
    if encoded is None or signature is None or epoch is None:
        raise CannotOpen(OpeningFailure.MANIFEST_SIGNATURE)
    sender_id = dispatch.transfer.sending_school_id
    signer = get_public_epoch(session, at, sender_id, epoch)
    with said_plainly():
        check_signature(signer.public, signature, encoded)
        manifest = Manifest.decode(encoded)
    if not _belongs(at, manifest, dispatch):
        raise CannotOpen(OpeningFailure.MANIFEST_SIGNATURE)
    digest = manifest_hash(encoded)
    # Leaves and chains repeat the row's hash: one that somebody changed must not come into them.
    if dispatch.manifest_hash != digest or not _is_as_logged(session, dispatch, digest):
        raise CannotOpen(OpeningFailure.MANIFEST_NOT_AS_LOGGED)
    return manifest


def _belongs(at: Installation, manifest: Manifest, dispatch: Dispatch) -> bool:
    """Whether the sending school signed this for this very dispatch, as it stands in its row.

    Also to whom it goes: what waits for a key would else be delivered to whichever school the row names by then. A
    manifest that delivers or redirects has a kind of its own; whether it is a nil declaration shows in its items.
    """
    return (
        manifest.deployment == at.deployment
        and manifest.transfer == dispatch.transfer_id
        and manifest.dispatch == dispatch.id
        and manifest.number == dispatch.number
        and manifest.signer_org == dispatch.transfer.sending_school_id
        and manifest.signer_epoch == dispatch.sender_epoch
        and manifest.kind in _CHAINED_KINDS | {_KINDS[dispatch.kind]}
        and manifest.withheld_and_paper_digest == withheld_and_paper_digest(withheld=dispatch.withheld or [])
        and bool(manifest.items) is (dispatch.kind is not DispatchKind.NIL)
        and dispatch.receiving_school_id in {recipient.org for recipient in manifest.recipients}
    )


def _list_recipients(dispatch: Dispatch, epochs: Sequence[PublicEpoch]) -> tuple[ManifestRecipient, ...]:
    listed = [
        ManifestRecipient(org=epoch.school_id, epoch=epoch.number, fingerprint=epoch.public.fingerprint)
        for epoch in epochs
    ]
    if dispatch.receiving_school_id not in {recipient.org for recipient in listed}:
        listed.append(ManifestRecipient.awaiting_key(dispatch.receiving_school_id))
    return tuple(listed)


def _is_as_logged(session: Session, dispatch: Dispatch, digest: bytes) -> bool:
    body = None if dispatch.sent_leaf is None else get_leaf_body(session, dispatch.sent_leaf)
    if body is None:
        return False
    try:
        said = decode_leaf(body).said
    except LeafMalformed:
        return False
    return said.event in _SENDING_EVENTS and said.dispatch == dispatch.id and said.digest == digest
