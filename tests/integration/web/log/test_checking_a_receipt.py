"""Whoever has a receipt uploads it and reads what it proves; nobody is fooled by an altered one."""

import hashlib
import io
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests import factories
from tests.html import StrictClient
from tests.integration.web.log.conftest import POLICY, Following, application
from tests.shell import client_of
from tests.unit.reports.test_receipt_pdf import FACTS
from transfer_service import verifier
from transfer_service.db.models import Dispatch, LogLeaf
from transfer_service.reports.receipts import receipt_pdf
from transfer_service.use_cases.transfers.receipts import make_receipt


@pytest.fixture
def reference(following: Following) -> str:
    """The reference of a transfer that was acknowledged, with a checkpoint after each act."""
    stage = following.stage
    following.sign()
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    factories.send(stage, stage.alma, dispatch_id)
    following.sign()
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    following.sign()
    factories.acknowledge(stage, stage.cora, dispatch_id)
    following.sign()
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id).transfer.reference


def receipt_of(following: Following, reference: str, kind: str = "acknowledged") -> bytes:
    stage = following.stage
    member = stage.alma if kind == "sent" else stage.cora
    with stage.database.reading() as session:
        return make_receipt(session, stage.at, member.actor, reference=reference, kind=kind).proof


def upload(client: StrictClient, body: bytes, name: str = "receipt.tlog-proof") -> TestResponse:
    page = client.get("/verify").text
    token = re.search(r'action="/verify\?csrf_token=([^"]+)"', page)
    assert token is not None
    # Written by hand: the test client would spool a large body to a file.
    head = f'--cut\r\nContent-Disposition: form-data; name="receipt"; filename="{name}"\r\n\r\n'.encode()
    return client.post(
        f"/verify?csrf_token={token[1]}",
        data=head + body + b"\r\n--cut--\r\n",
        content_type="multipart/form-data; boundary=cut",
    )


def heading(answer: TestResponse) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    assert found is not None
    return found[1].strip()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("sent", "A safeguarding file was sent"),
        ("opened", "A safeguarding file was opened"),
        ("acknowledged", "A safeguarding file was acknowledged"),
    ],
)
def test_a_receipt_that_holds_says_what_it_proves_and_what_not(
    following: Following, reference: str, kind: str, said: str
):
    answer = upload(following.client, receipt_of(following, reference, kind))
    assert answer.status_code == 200
    assert heading(answer) == "This receipt holds"
    assert said in answer.text
    assert "What it does not prove" in answer.text


def test_the_pdf_with_the_evidence_inside_is_taken_too(following: Following, reference: str):
    proof = receipt_of(following, reference)
    pdf = receipt_pdf(replace(FACTS, reference=reference), proof)
    assert proof not in pdf  # it is packed, so that the page must unpack it
    answer = upload(following.client, pdf, "receipt.pdf")
    assert heading(answer) == "This receipt holds"


def test_an_altered_receipt_is_not_believed(following: Following, reference: str):
    proof = receipt_of(following, reference)
    altered = proof.replace(b"\nindex ", b"\nindex 1", 1)
    answer = upload(following.client, altered)
    assert answer.status_code == 200
    assert heading(answer) == "This receipt does not hold"
    assert "What it proves" not in answer.text


def test_without_a_policy_the_page_says_that_the_signer_was_not_checked(
    following: Following, reference: str, tmp_path: Path
):
    client = client_of(application(following.stage, tmp_path / "bare", policy=""))
    answer = upload(client, receipt_of(following, reference))
    assert heading(answer) == "This receipt is whole, but its signer was not checked"


def with_streams(*bodies: bytes) -> bytes:
    return b"%PDF-1.7\n" + b"".join(b"<<>>\nstream\n" + zlib.compress(body) + b"\nendstream\n" for body in bodies)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"%PDF-1.7\nnothing here",
        with_streams(b"c2sp.org/tlog-proof@v1\none", b"c2sp.org/tlog-proof@v1\ntwo"),
        with_streams(b"\0" * 50_000_000),
        b"%PDF-1.7\n" + b"stream\n" * 2_001,
    ],
    ids=["empty", "text", "bare pdf", "two proofs", "zip bomb", "too many parts"],
)
def test_what_is_no_receipt_is_refused_at_its_field(following: Following, body: bytes):
    answer = upload(following.client, body)
    assert answer.status_code == 422
    assert 'href="#receipt"' in answer.text


def test_a_form_without_a_file_is_refused_at_its_field(following: Following):
    assert upload(following.client, b"", "").status_code == 422


def test_a_file_that_is_too_large_is_refused(following: Following):
    assert upload(following.client, b"%PDF-1.7\n" + b"x" * (4 * 1024 * 1024)).status_code == 422
    assert upload(following.client, b"%PDF-1.7\n" + b"x" * (5 * 1024 * 1024)).status_code == 413


def test_a_form_of_another_page_is_refused(following: Following):
    answer = following.client.post(
        "/verify?" + urlencode({"csrf_token": "made-up"}),
        data={"receipt": (io.BytesIO(b"hello"), "a")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 400


def test_checking_leaves_nothing_behind(following: Following, reference: str):
    def leaves() -> int:
        with following.stage.database.reading() as session:
            return session.scalar(select(func.count()).select_from(LogLeaf)) or 0

    proof, before = receipt_of(following, reference), leaves()
    upload(following.client, proof)
    assert leaves() == before


def test_the_verifier_is_one_file_that_runs_by_itself(following: Following, reference: str, tmp_path: Path):
    answer = following.client.get("/verifier.py")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="verifier.py"'
    assert hashlib.sha256(answer.data).hexdigest() in following.client.get("/verify/yourself").text
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "verifier.py").write_bytes(answer.data)
    (folder / "policy.txt").write_text(POLICY)
    (folder / "r.tlog-proof").write_bytes(receipt_of(following, reference))
    words = [sys.executable, "verifier.py", "verify", "receipt", "r.tlog-proof", "--policy", "policy.txt"]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "EVERYTHING HOLDS.")


def test_a_schools_receipts_make_one_chain(following: Following, reference: str):
    opened = verifier.read_receipt(receipt_of(following, reference, "opened"))
    acknowledged = receipt_of(following, reference, "acknowledged")
    before = verifier.read_checkpoint(
        verifier.unbase64(verifier.read_receipt(acknowledged).extra["previous"]["checkpoint"])
    )
    assert before.size == opened.checkpoint.size
    report = verifier.verify_pair(
        receipt_of(following, reference, "opened"), acknowledged, verifier.read_policy(POLICY.encode())
    )
    assert report.holds
