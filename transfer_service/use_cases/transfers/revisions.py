"""Items that were encrypted again: from the ciphertext that the sender signed to the one that is stored now.

Each time a school that held the item signed a statement, whose hash is the digest of a leaf (`ptx/reencrypted/1`). What
a manifest lists is followed through them without a gap. The log says how many there are: neither a statement that is
missing nor an older ciphertext put back in its place goes unseen. The contents never change: the digest that the
sender signed is checked at the end, whoever encrypted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.errors import LeafMalformed
from transfer_service.audit.leaf import LeafFields, decode_leaf
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.items import ExpectedItem
from transfer_service.crypto.manifest import Manifest, ManifestItem
from transfer_service.crypto.reencryption import Reencryption, reencryption_hash
from transfer_service.crypto.suites import verify_signature
from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemReencryption, LogLeaf
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import get_public_epoch
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.sealing import expected_of

_EVENTS = (Event.ITEM_REENCRYPTED.value, Event.ITEM_REVERTED.value)
_TAKEN_BACK = frozenset({Status.WITHDRAWN, Status.REJECTED})


@dataclass(frozen=True, slots=True)
class Lineage:
    """How an item was encrypted again: authentic steps in order of their revision, or None where they do not hold."""

    steps: tuple[Reencryption, ...] | None

    def between(self, earlier: int, later: int) -> Sequence[Reencryption]:
        """The steps after one revision up to another; raises CannotOpen where the item's statements do not hold."""
        if self.steps is None:
            raise CannotOpen(OpeningFailure.REENCRYPTION_NOT_VOUCHED)
        return [step for step in self.steps if earlier < step.new_revision <= later]

    @property
    def newest(self) -> int:
        """The revision that the newest step made; 0 where there is none."""
        return self.steps[-1].new_revision if self.steps else 0


NEVER = Lineage(())
Lineages = Mapping[UUID, Lineage]


def load_lineages(session: Session, at: Installation, item_ids: Collection[UUID]) -> Lineages:
    """Return how items were encrypted again, those alone that ever were: one statement where none was."""
    logged = _load_logged(session, item_ids)
    if not logged:
        return {}
    found = session.scalars(
        select(ItemReencryption)
        .where(ItemReencryption.item_id.in_(list(logged)))
        .order_by(ItemReencryption.item_id, ItemReencryption.revision)
    ).all()
    holders = Holders(session, at)
    lineages = {}
    for item_id, digests in logged.items():
        rows = [row for row in found if row.item_id == item_id]
        is_logged = {reencryption_hash(row.statement) for row in rows} == digests
        item = session.get_one(Item, item_id)
        who_may = holders.of(item) if rows else frozenset()
        steps = [_authenticate(session, at, item, row, who_may) for row in rows] if is_logged else [None]
        whole = [step for step in steps if step is not None]
        lineages[item_id] = Lineage(tuple(whole) if len(whole) == len(steps) else None)
    return lineages


def trace(lineages: Lineages, item: Item, listed: ManifestItem) -> ExpectedItem:
    """Return what an item must be now, by what a verified manifest lists and what became of it since.

    Raises CannotOpen with REENCRYPTION_NOT_VOUCHED where the steps have a gap, lead elsewhere or were undone, and
    CONTENT_CHANGED where the item was never encrypted again and is of another revision, or its row says of another
    content: pages, lists and leaves repeat what the row says.
    """
    if item.content_digest != listed.content_digest:
        raise CannotOpen(OpeningFailure.CONTENT_CHANGED)
    lineage = lineages.get(item.id, NEVER)
    steps = lineage.between(listed.revision, max(item.revision, lineage.newest))
    digest = follow(steps, listed)
    last = steps[-1].new_revision if steps else listed.revision
    if item.revision != last:
        raise CannotOpen(OpeningFailure.REENCRYPTION_NOT_VOUCHED if steps else OpeningFailure.CONTENT_CHANGED)
    if steps and steps[-1].commitment != item.commitment:
        raise CannotOpen(OpeningFailure.REENCRYPTION_NOT_VOUCHED)
    return ExpectedItem(ciphertext_sha256=digest, commitment=item.commitment, content_digest=listed.content_digest)


def expect_newest(lineages: Lineages, item: Item) -> ExpectedItem:
    """Return what an item must be now of which no manifest lists the ciphertext: a cover, the words of a send-back.

    What it says is fixed by a digest of its contents, which the caller compares with what was signed or logged; that
    it stands as it was encrypted last, by the statements. Raises CannotOpen(REENCRYPTION_NOT_VOUCHED).
    """
    lineage = lineages.get(item.id, NEVER)
    steps = lineage.between(0, max(item.revision, lineage.newest))
    stands = (item.revision, item.ciphertext_sha256, item.commitment)
    if steps and (steps[-1].new_revision, steps[-1].new_sha256, steps[-1].commitment) != stands:
        raise CannotOpen(OpeningFailure.REENCRYPTION_NOT_VOUCHED)
    if any(step.content_digest != item.content_digest for step in steps):
        raise CannotOpen(OpeningFailure.REENCRYPTION_NOT_VOUCHED)
    return expected_of(item)


def follow(steps: Sequence[Reencryption], listed: ManifestItem) -> bytes:
    """Return the SHA-256 of the ciphertext at which the steps arrive from a listed one; raises CannotOpen."""
    revision, digest = listed.revision, listed.ciphertext_sha256
    for step in steps:
        if (step.old_revision, step.old_sha256, step.content_digest) != (revision, digest, listed.content_digest):
            raise CannotOpen(OpeningFailure.REENCRYPTION_NOT_VOUCHED)
        revision, digest = step.new_revision, step.new_sha256
    return digest


def is_linked(lineages: Lineages, earlier: ManifestItem, later: ManifestItem) -> bool:
    """Whether an item in a later manifest is the one of an earlier one, as it was or encrypted again since."""
    if (earlier.item, earlier.content_digest) != (later.item, later.content_digest):
        return False
    try:
        steps = lineages.get(earlier.item, NEVER).between(earlier.revision, later.revision)
        digest = follow(steps, earlier)
    except CannotOpen:
        return False
    last = steps[-1].new_revision if steps else earlier.revision
    return (last, digest) == (later.revision, later.ciphertext_sha256)


def check_listed(session: Session, at: Installation, manifest: Manifest, items: Collection[Item]) -> None:
    """Check that a dispatch's rows are what its verified manifest lists, before anything is signed or granted anew.

    Covers are left out: whoever opens one compares it with the manifest. Raises CannotOpen.
    """
    rows = {item.id: item for item in items if item.kind is not ItemKind.COVER}
    listed = {one.item: one for one in manifest.items}
    if rows.keys() - listed.keys():
        raise CannotOpen(OpeningFailure.CONTENT_CHANGED)
    if listed.keys() - rows.keys():
        raise CannotOpen(OpeningFailure.CIPHERTEXT_MISSING)
    lineages = load_lineages(session, at, list(rows))
    for item_id, item in rows.items():
        if trace(lineages, item, listed[item_id]).ciphertext_sha256 != item.ciphertext_sha256:
            raise CannotOpen(OpeningFailure.CIPHERTEXT_CHANGED)


class Holders:
    """The schools that hold or held an item by what schools signed, not by what rows say.

    Whoever sealed it does, and each school to which a holder sent it: rows that somebody added make nobody a holder.
    """

    def __init__(self, session: Session, at: Installation) -> None:
        """Read manifests in this session, each of them once."""
        self._session = session
        self._at = at
        self._manifests: dict[UUID, Manifest | None] = {}

    def of(self, item: Item, *, now: bool = False) -> frozenset[UUID]:
        """Return everybody who ever held an item; with `now`, without those from whom every dispatch was taken back.

        A school that sent the item on keeps it for that dispatch, also where it sent back the one that it came by.
        """
        carrying = self._session.scalars(
            select(Dispatch)
            .join(DispatchItem, DispatchItem.dispatch_id == Dispatch.id)
            .where(DispatchItem.item_id == item.id, Dispatch.manifest.is_not(None))
            .order_by(Dispatch.sent_at, Dispatch.id)
        ).all()
        sent: list[tuple[Manifest, bool]] = []
        answered = {item.sender_id}
        for dispatch in carrying:
            manifest = self._verified(dispatch)
            if manifest is None:
                continue
            if _is_answer(item, dispatch):
                answered.add(manifest.signer_org)
            elif _lists(manifest, item):
                sent.append((manifest, dispatch.status in _TAKEN_BACK))
        ever = _reach(answered, [manifest for manifest, _ in sent])
        if not now:
            return ever
        holding = set(answered)
        for manifest, is_taken_back in sent:
            if manifest.signer_org in ever:
                holding.add(manifest.signer_org)
                holding |= set() if is_taken_back else {recipient.org for recipient in manifest.recipients}
        return frozenset(holding)

    def _verified(self, dispatch: Dispatch) -> Manifest | None:
        """The manifest of a dispatch, None where it does not hold: it makes nobody a holder."""
        if dispatch.id not in self._manifests:
            try:
                self._manifests[dispatch.id] = verify_manifest(self._session, self._at, dispatch)
            except CannotOpen:
                self._manifests[dispatch.id] = None
        return self._manifests[dispatch.id]


def _reach(first: Collection[UUID], sent: Sequence[Manifest]) -> frozenset[UUID]:
    """The schools that an item reached from the first ones, whatever the order in which it was sent on."""
    holders, before = set(first), 0
    while len(holders) > before:
        before = len(holders)
        for manifest in sent:
            if manifest.signer_org in holders:
                holders |= {recipient.org for recipient in manifest.recipients}
    return frozenset(holders)


def _lists(manifest: Manifest, item: Item) -> bool:
    if item.kind is ItemKind.COVER:
        return manifest.cover_digest == item.content_digest
    return any(listed.item == item.id for listed in manifest.items)


def _is_answer(item: Item, dispatch: Dispatch) -> bool:
    """Whether the receiving school sealed it for the sending one: the words with which it sent a file back."""
    return item.kind is ItemKind.REMARK and item.sender_id == dispatch.receiving_school_id


def _load_logged(session: Session, item_ids: Collection[UUID]) -> dict[UUID, set[bytes] | None]:
    """Return by item the digests of the statements that the log names and no restore undid; None for a spoilt leaf."""
    rows = session.execute(
        select(LogLeaf.subject, LogLeaf.body)
        .where(LogLeaf.subject.in_(list(item_ids)), LogLeaf.event.in_(_EVENTS))
        .order_by(LogLeaf.idx)
    )
    logged: dict[UUID, set[bytes] | None] = {}
    for item_id, body in rows:
        if item_id is None:
            continue  # the condition names ids alone; the column may be empty
        digests = logged.setdefault(item_id, set())
        said = _read(body)
        if said is None or said.item != item_id or said.digest is None:
            logged[item_id] = None
        elif digests is not None and said.event == Event.ITEM_REENCRYPTED:
            digests.add(said.digest)
        elif digests is not None:
            digests.discard(said.digest)
    return logged


def _read(body: bytes) -> LeafFields | None:
    try:
        return decode_leaf(body).said
    except LeafMalformed:
        return None


def _authenticate(
    session: Session, at: Installation, item: Item, row: ItemReencryption, who_may: frozenset[UUID]
) -> Reencryption | None:
    """Return a statement where it is about this item and signed by a school that held it; None otherwise."""
    try:
        step = Reencryption.decode(row.statement)
        signer = get_public_epoch(session, at, step.signer_org, step.signer_epoch)
    except (CryptoError, CannotOpen):
        return None
    about = (step.deployment, step.transfer, step.item, step.new_revision)
    is_about = about == (at.deployment, item.transfer_id, item.id, row.revision)
    is_newer = step.old_revision < step.new_revision
    is_signed = verify_signature(signer.public, row.signature, row.statement)
    return step if is_about and is_newer and is_signed and step.signer_org in who_may else None
