"""Receipts: the page after an act, the PDF, and the evidence that anybody can check."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from transfer_service.domain.errors import NotFound
from transfer_service.domain.notes import size_bucket_label
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import DispatchKind, Side, Status
from transfer_service.interchange.proof_archive import build_proof_archive
from transfer_service.reports.facts import PersonFacts, SchoolFacts
from transfer_service.reports.receipts import (
    CheckpointFacts,
    ReceiptFacts,
    ReceiptItem,
    ReceiptKind,
    ReceiptStep,
    receipt_file_name,
    receipt_pdf,
)
from transfer_service.use_cases.directory import SchoolShown, show_schools
from transfer_service.use_cases.transfers.acknowledging import record_receipt_download
from transfer_service.use_cases.transfers.entry_export import export_entries, record_entry_export
from transfer_service.use_cases.transfers.listing import NextAwaiting, find_next_awaiting
from transfer_service.use_cases.transfers.receipts import ReceiptMade, list_receipts, make_receipt
from transfer_service.use_cases.transfers.viewing import find_dispatch
from transfer_service.web import access
from transfer_service.web.current import current_services
from transfer_service.web.school.acting import acting, read_number, read_reference
from transfer_service.web.school.receiving import send_download
from transfer_service.web.school.transfers import get_asked, get_view

blueprint = Blueprint("school_receipts", __name__)


@blueprint.get("/transfers/<reference>/receipt")
@access.requires(Permission.RECEIPT_READ)
def receipt(reference: str) -> str:
    """Show what was done and its receipts; at the receiving school also the next file."""
    me = acting()
    view = get_view(reference)
    dispatch = get_asked(view)
    with me.database.reading() as session:
        receipts = list_receipts(session, me.actor, reference=view.reference, number=dispatch.number, policy=_policy())
        schools = show_schools(session, [view.sending_school, dispatch.receiving_school])
        following: NextAwaiting | None = None
        if view.side is Side.RECEIVING and can(me.actor, Permission.COVER_READ):
            following = find_next_awaiting(session, me.at, me.actor)
    if not receipts:
        raise NotFound("receipt")
    return render_template(
        "school/receipt.html",
        view=view,
        dispatch=dispatch,
        receipts=receipts,
        schools=schools,
        following=following,
        is_acknowledged=dispatch.status is Status.ACKNOWLEDGED,
        is_nil=dispatch.kind is DispatchKind.NIL,
        is_receiver=view.side is Side.RECEIVING,
        acknowledgement=dispatch.acknowledgement,
    )


@blueprint.get("/transfers/<reference>/receipt.pdf")
@access.requires(Permission.RECEIPT_READ)
def pdf(reference: str) -> Response:
    """Hand out the receipt to be printed, with its evidence inside."""
    made = _make(reference)
    body = receipt_pdf(_facts(made), made.proof)
    _record(made)
    return send_download(body, name=f"{made.reference}-{made.kind}.pdf", media_type="application/pdf")


@blueprint.get("/transfers/<reference>/receipt.tlog-proof")
@access.requires(Permission.RECEIPT_READ)
def proof(reference: str) -> Response:
    """Hand out the evidence alone."""
    made = _make(reference)
    _record(made)
    name = receipt_file_name(made.reference, ReceiptKind(made.kind))
    return send_download(made.proof, name=name, media_type="text/plain; charset=utf-8")


@blueprint.get("/transfers/<reference>/entries.zip")
@access.requires(Permission.ENTRIES_EXPORT)
def entries(reference: str) -> Response:
    """Hand out what the log says of the transfer, with proofs; the taking is in the log first."""
    me = acting()
    known = read_reference(reference)
    with me.database.writing() as session:
        taken = record_entry_export(session, me.at, me.actor, reference=known)
    with me.database.reading() as session:
        made = export_entries(session, me.actor, taken=taken, reference=known, policy=_policy())
    body = build_proof_archive(
        reference=known,
        proofs=((one.idx, one.proof) for one in made.entries),
        unsigned=made.unsigned,
        unwitnessed=made.unwitnessed,
    )
    return send_download(body, name=f"{known}-log-entries.zip", media_type="application/zip")


def _make(reference: str) -> ReceiptMade:
    """The receipt that the address asks for by `kind` and `number`; else what happened last."""
    me = acting()
    known = read_reference(reference)
    number = read_number()
    with me.database.reading() as session:
        receipts = list_receipts(session, me.actor, reference=known, number=number, policy=_policy())
        if not receipts:
            raise NotFound("receipt")
        kind = request.args.get("kind") or receipts[-1].kind
        return make_receipt(session, me.at, me.actor, reference=known, kind=kind, number=number, policy=_policy())


def _policy() -> str:
    """The policy of the log, by whose witnesses a receipt is judged; empty where the installation has none."""
    return current_services().settings.log_policy


def _record(made: ReceiptMade) -> None:
    me = acting()
    with me.database.writing() as session:
        dispatch_id = find_dispatch(session, me.actor, reference=made.reference, number=made.number)
        record_receipt_download(session, me.at, me.actor, dispatch_id=dispatch_id)


def _facts(made: ReceiptMade) -> ReceiptFacts:
    return ReceiptFacts(
        kind=ReceiptKind(made.kind),
        reference=made.reference,
        dispatch_number=made.number,
        pupil_initials=".".join(made.initials) + "." if made.initials else "",
        pupil_birth_year=made.birth_year,
        sending_school=school_facts(made.sending_school),
        receiving_school=school_facts(made.receiving_school),
        steps=tuple(ReceiptStep(label, at) for label, at in made.steps),
        items=tuple(ReceiptItem(kind, digest, size_bucket_label(size)) for kind, digest, size in made.items),
        leaf_index=made.leaf,
        checkpoint=CheckpointFacts(made.origin, made.checkpoint_size, made.root),
        made_at=acting().at.now(),
        signatory=PersonFacts(*made.signatory) if made.signatory else None,
        statement=made.statement,
        statement_version=made.statement_version,
    )


def school_facts(school: SchoolShown) -> SchoolFacts:
    """A school as it is printed."""
    return SchoolFacts(name=school.name, town=school.town, authority=school.authority, urn=school.urn)
