"""Checking a receipt: here by uploading it, or on one's own computer with one downloaded file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Response, render_template, request

from transfer_service import verifier
from transfer_service.domain.errors import TooLarge
from transfer_service.interchange.receipt_files import LARGEST_FILE, NoReceipt, find_proof
from transfer_service.web import access
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, refused
from transfer_service.web.log.frame import blueprint
from transfer_service.web.log.meaning import Meaning, meaning_of
from transfer_service.web.uploads import arriving_files

FIELD: Final = "receipt"
ROOM_AROUND_A_FILE: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the verifier found; `meaning` only where nothing failed."""

    holds: bool
    failed: str
    right: tuple[str, ...]
    notes: tuple[str, ...]
    says: tuple[str, ...]
    meaning: Meaning | None


@blueprint.get("/verify")
@access.public("whoever holds a receipt must be able to check it, with or without an account")
def verify() -> str:
    """Ask for a receipt."""
    return render_template("log/verify.html", form=Form())


@blueprint.post("/verify")
@access.public("as the page that asks; nothing of the file is kept", streamed=True)
def judge() -> tuple[str, int] | str:
    """Check the receipt that was uploaded and say what it proves; the file is neither kept nor logged."""
    request.max_content_length = LARGEST_FILE + ROOM_AROUND_A_FILE
    try:
        data = _uploaded()
        proof = find_proof(data)
    except (NoReceipt, TooLarge) as refusal:
        return _refused(refusal.sentence)
    policy = current_services().settings.log_policy
    judged = judge_receipt(proof, policy)
    return render_template("log/judged.html", judged=judged, has_policy=bool(policy))


@blueprint.get("/verify/yourself")
@access.public("instructions; they name public keys alone")
def yourself() -> str:
    """Explain how to check a receipt without this service."""
    digest = hashlib.sha256(_verifier_source()).hexdigest()
    return render_template("log/yourself.html", digest=digest, policy=current_services().settings.log_policy)


@blueprint.get("/verifier.py")
@access.public("the program that checks receipts is everybody’s")
def program() -> Response:
    """Hand out the verifier as one file."""
    headers = {"Content-Disposition": 'attachment; filename="verifier.py"'}
    return Response(_verifier_source(), content_type="text/x-python; charset=utf-8", headers=headers)


def judge_receipt(proof: bytes, policy: str) -> Judged:
    """Check a receipt with the very program that people download; `policy` may be empty."""
    report = verifier.verify_receipt(proof, verifier.read_policy(policy.encode()) if policy else None)
    event = None if report.failed else _event_of(proof)
    return Judged(
        holds=report.holds,
        failed=report.failed or "",
        right=tuple(verifier.printable(text) for text in report.right),
        notes=tuple(verifier.printable(text) for text in report.notes),
        says=tuple(verifier.printable(text) for text in report.says),
        meaning=None if event is None else meaning_of(event),
    )


def _event_of(proof: bytes) -> str:
    """The event of a receipt that was checked before."""
    body = verifier.unbase64(verifier.read_receipt(proof).extra["leaf"])
    return str(json.loads(body)["event"])


def _uploaded() -> bytes:
    """The bytes of the uploaded file; empty where none was chosen."""
    for file in arriving_files(request, FIELD):
        held = bytearray()
        for chunk in file.chunks:
            held += chunk
            if len(held) > LARGEST_FILE:
                raise TooLarge(LARGEST_FILE)
        return bytes(held)
    raise NoReceipt("Choose the receipt that you want to check")


def _refused(sentence: str) -> tuple[str, int]:
    page, _ = refused("log/verify.html", Form().with_errors({FIELD: [sentence]}))
    return page, HTTPStatus.UNPROCESSABLE_ENTITY


@cache
def _verifier_source() -> bytes:
    return Path(verifier.__file__).read_bytes()
