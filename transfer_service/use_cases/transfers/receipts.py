"""The receipts of a dispatch: which there are, and everything that one of them shows and proves."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from transfer_service.audit.leaf import Leaf
from transfer_service.audit.policy import Policy, parse_policy
from transfer_service.audit.proof import parse_proof
from transfer_service.audit.receipts import AcknowledgementProof, compose_receipt, find_earlier_receipt
from transfer_service.audit.standing import find_standing
from transfer_service.crypto.suites import verify_signature
from transfer_service.db.models import Acknowledgement, Dispatch, Person
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound, RuleForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import ROLE_LABELS, Actor, Role, school_of
from transfer_service.domain.statements import STATEMENTS
from transfer_service.domain.transfer import DispatchKind
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import get_public_epoch
from transfer_service.use_cases.recording import open_detail
from transfer_service.use_cases.transfers.leaves import list_logged
from transfer_service.use_cases.transfers.pupils import open_pupil

RECEIPT_EVENTS: Mapping[Event, str] = MappingProxyType(
    {
        Event.DISPATCH_SENT: "sent",
        Event.DISPATCH_WAITING: "sent",
        Event.DISPATCH_REDIRECTED: "sent",
        Event.NIL_DECLARED: "nil-declared",
        Event.DISPATCH_OPENED: "opened",
        Event.DISPATCH_ACKNOWLEDGED: "acknowledged",
        Event.NIL_ACKNOWLEDGED: "nil-acknowledged",
        Event.DISPATCH_REJECTED: "sent-back",
        Event.DISPATCH_SHREDDED: "shredded",
    }
)
"""What a leaf of each event proves, in the word that stands in the names of receipts' files."""

STEP_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "sent": "Sent",
        "nil-declared": "Nil declaration made",
        "opened": "Opened",
        "acknowledged": "Acknowledged",
        "nil-acknowledged": "Nil declaration acknowledged",
        "sent-back": "Sent back",
        "shredded": "Sealed contents shredded",
    }
)

_ITEM_LABELS: Mapping[ItemKind, str] = MappingProxyType(
    {
        ItemKind.COVER: "Cover sheet",
        ItemKind.NOTE: "Safeguarding note",
        ItemKind.ATTACHMENT: "Attachment",
        ItemKind.REMARK: "Remark on what was left out",
    }
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One receipt that there is: what it proves, when that happened, and whether a checkpoint covers it yet."""

    kind: str
    label: str
    at: datetime
    leaf: int
    is_ready: bool
    lacks_witnesses: bool = False
    """Whether the policy asks for more witnesses than have seen the log since: the receipt fails by it until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptMade:
    """A receipt: `proof` is the `.tlog-proof`, the rest what its printed page shows. No pupil is named."""

    kind: str
    reference: str
    number: int
    initials: str
    birth_year: int
    sending_school: SchoolShown
    receiving_school: SchoolShown
    steps: tuple[tuple[str, datetime], ...]
    items: tuple[tuple[str, bytes, int], ...]
    """Kind in words, digest of the contents, size bucket."""
    leaf: int
    signatory: tuple[str, str] | None
    statement: str
    statement_version: str
    origin: str
    checkpoint_size: int
    root: bytes
    proof: bytes = field(repr=False)


def list_receipts(
    session: Session, actor: Actor, *, reference: str, number: int | None = None, policy: str = ""
) -> list[Listed]:
    """List the receipts of a dispatch in the order in which things happened; raises NotFound, PermissionRefused."""
    dispatch = _get_dispatch(session, actor, reference=reference, number=number)
    believed = _read_policy(policy)
    listed = []
    for kind, leaf in _leaves(session, dispatch).items():
        standing = find_standing(session, leaf.idx, believed)
        listed.append(
            Listed(
                kind=kind,
                label=STEP_LABELS[kind],
                at=leaf.at,
                leaf=leaf.idx,
                is_ready=standing is not None,
                lacks_witnesses=standing is not None and standing.lacks_witnesses,
            )
        )
    return listed


def make_receipt(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    reference: str,
    kind: str,
    number: int | None = None,
    policy: str = "",
) -> ReceiptMade:
    """Compose one receipt, in a reading session; `kind` is a word of `RECEIPT_EVENTS`.

    It stands on the first checkpoint that the policy's witnesses have seen, and proves that the log only grew since the
    checkpoint under the school's receipt before it. Raises NotFound where nothing of that kind happened,
    ReceiptNotReady until the signer has come to its leaf.
    """
    dispatch = _get_dispatch(session, actor, reference=reference, number=number)
    leaves = _leaves(session, dispatch)
    if kind not in leaves:
        raise NotFound("receipt")
    leaf = leaves[kind]
    believed = _read_policy(policy)
    proof = compose_receipt(
        session,
        leaf.idx,
        open_sealed=lambda idx, sealed: open_detail(at, idx, sealed),
        acknowledgement=_prove_acknowledgement(session, at, dispatch, kind=kind, leaf=leaf),
        since=find_earlier_receipt(
            session, leaf.idx, org=school_of(actor), events=[event.value for event in RECEIPT_EVENTS], policy=believed
        ),
        policy=believed,
    )
    checkpoint = parse_proof(proof).signed().checkpoint
    pupil = open_pupil(at, dispatch.transfer)
    schools = show_schools(session, [dispatch.transfer.sending_school, dispatch.receiving_school])
    statement = _statement(dispatch, kind)
    return ReceiptMade(
        kind=kind,
        reference=dispatch.transfer.reference,
        number=dispatch.number,
        initials=pupil.initials,
        birth_year=pupil.date_of_birth.year,
        sending_school=schools[dispatch.transfer.sending_school_id],
        receiving_school=schools[dispatch.receiving_school_id],
        steps=tuple((STEP_LABELS[one], other.at) for one, other in leaves.items() if other.idx <= leaf.idx),
        items=_items(session, dispatch),
        leaf=leaf.idx,
        signatory=_signatory(session, leaf),
        statement=statement[1],
        statement_version=statement[0],
        origin=checkpoint.origin,
        checkpoint_size=checkpoint.size,
        root=checkpoint.root,
        proof=proof,
    )


def _read_policy(text: str) -> Policy | None:
    """The policy by whose witnesses a receipt is judged; an installation without one has an empty text."""
    return parse_policy(text) if text else None


def _get_dispatch(session: Session, actor: Actor, *, reference: str, number: int | None) -> Dispatch:
    school_id = school_of(actor)
    dispatch_id = queries.find_dispatch_id(session, reference=reference, school_id=school_id, number=number)
    if dispatch_id is None:
        raise NotFound("transfer")
    dispatch = queries.get_dispatch(session, dispatch_id=dispatch_id, school_id=school_id)
    permissions.check(actor, Permission.RECEIPT_READ)
    return dispatch


def _leaves(session: Session, dispatch: Dispatch) -> dict[str, Leaf]:
    """The leaf of each thing that happened to a dispatch: the first of each kind, in the order of the log."""
    found: dict[str, Leaf] = {}
    for leaf in list_logged(session, dispatch.transfer_id, RECEIPT_EVENTS):
        if leaf.said.dispatch == dispatch.id:
            found.setdefault(RECEIPT_EVENTS[Event(leaf.said.event)], leaf)
    return found


def _prove_acknowledgement(
    session: Session, at: Installation, dispatch: Dispatch, *, kind: str, leaf: Leaf
) -> AcknowledgementProof | None:
    """Return what shows who acknowledged, found to be what the log holds and the school signed; raises RuleForbids."""
    if kind not in ("acknowledged", "nil-acknowledged"):
        return None
    row = session.get_one(Acknowledgement, dispatch.id)
    public = get_public_epoch(session, at, dispatch.receiving_school_id, row.epoch).public
    is_as_logged = hashlib.sha256(row.signed_bytes).digest() == leaf.said.digest
    if not is_as_logged or not verify_signature(public, row.signature, row.signed_bytes):
        raise RuleForbids(
            "acknowledgement_not_authentic",
            "The acknowledgement in the database is not the one that the receiving school signed, so that no receipt "
            "is made of it. Somebody may have changed the database: tell the administrator of this service at once.",
        )
    return AcknowledgementProof(
        signed=row.signed_bytes,
        signature=row.signature,
        suite=public.suite,
        kem_public=public.kem_public,
        signing_public=public.signing_public,
    )


def _statement(dispatch: Dispatch, kind: str) -> tuple[str, str]:
    if kind in ("acknowledged", "nil-acknowledged") and dispatch.acknowledgement is not None:
        return dispatch.acknowledgement.statement_version, dispatch.acknowledgement.statement
    declared = STATEMENTS.get(dispatch.statement_version or "")
    if kind == "nil-declared" and dispatch.kind is DispatchKind.NIL and declared is not None:
        return declared.version, declared.text
    return "", ""


def _items(session: Session, dispatch: Dispatch) -> tuple[tuple[str, bytes, int], ...]:
    places = queries.list_items(session, dispatch_id=dispatch.id, sealed_by=dispatch.transfer.sending_school_id)
    return tuple(
        (_ITEM_LABELS[place.item.kind], place.item.content_digest, place.item.size_bucket)
        for place in places
        if place.item.kind is not ItemKind.COVER
    )


def _signatory(session: Session, leaf: Leaf) -> tuple[str, str] | None:
    person = session.get(Person, leaf.said.actor) if leaf.said.actor else None
    if person is None:
        return None
    roles = [ROLE_LABELS[Role(word)] for word in (leaf.said.role or "").split("/") if word in set(Role)]
    return person.name, " and ".join(roles)
