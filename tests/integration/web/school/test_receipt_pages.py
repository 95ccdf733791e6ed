"""Receipts: ready once the log is signed, checked without the service, without the pupil's name."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import NOTE_TEXT, dispatch_in
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import reference_of
from tests.observing import leaves
from transfer_service import verifier
from transfer_service.audit.cosignature import cosign, record_cosignatures
from transfer_service.audit.policy import write_policy
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.web.current import EXTENSION

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
KEY = LogSigningKey.generate("log.example.org/tests")
VERIFIER = Path(__file__).parents[4] / "transfer_service" / "verifier.py"


def sign(stage: Stage, folder: Path) -> None:
    sign_committed(stage.database, key=KEY, state_file=folder / "log-state.json", now=stage.at.now())


@pytest.fixture
def base(stage: Stage) -> str:
    dispatch_id = dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    return f"/transfers/{reference_of(stage, dispatch_id)}"


def test_until_the_log_is_signed_the_page_says_that_a_receipt_comes(stage: Stage, browser, base):
    client = browser(stage.alma)

    assert "Ready in a moment" in text_of(client.page(f"{base}/receipt"), "main")

    assert client.get(f"{base}/receipt.pdf").status_code == 409


def test_the_evidence_is_checked_by_a_program_that_knows_nothing_of_the_service(
    stage: Stage, browser, base, tmp_path: Path
):
    sign(stage, tmp_path)
    policy, receipt = tmp_path / "policy.txt", tmp_path / "receipt.tlog-proof"
    policy.write_text(write_policy([KEY.verifier]))
    for member, kind in ((stage.alma, "sent"), (stage.alma, "opened"), (stage.cora, "acknowledged")):
        response = browser(member).get(f"{base}/receipt.tlog-proof?kind={kind}")
        assert response.headers["Content-Disposition"].endswith(f"-{kind}.tlog-proof")
        receipt.write_bytes(response.data)

        checked = subprocess.run(
            [sys.executable, "-I", str(VERIFIER), "verify", "receipt", str(receipt), "--policy", str(policy)],
            capture_output=True,
            text=True,
            check=False,
        )

        assert checked.returncode == 0, checked.stderr
        assert "Zoë" not in checked.stdout
        assert "Alderford Primary School" in checked.stdout


def test_the_pdf_is_named_by_the_reference_and_its_download_is_in_the_log(stage: Stage, browser, base, tmp_path: Path):
    sign(stage, tmp_path)

    response = browser(stage.cora).get(f"{base}/receipt.pdf")

    assert response.mimetype == "application/pdf"
    assert response.data.startswith(b"%PDF-")
    reference = base.rsplit("/", 1)[1]
    assert response.headers["Content-Disposition"] == f"attachment; filename={reference}-acknowledged.pdf"
    assert leaves(stage.service)[-1].event == "receipt.downloaded"


def test_the_page_shows_the_statement_and_no_content(stage: Stage, browser, base):
    page = text_of(browser(stage.alma).page(f"{base}/receipt"), "main")

    assert "I have opened and read every item listed" in page
    assert "SENCO told Yes" in page
    assert "Key staff told Not yet" in page
    assert "Zoë" not in page
    assert NOTE_TEXT not in page


def test_a_nil_has_its_own_receipts(stage: Stage, browser, tmp_path: Path):
    dispatch_id = dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL)
    sign(stage, tmp_path)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    client = browser(stage.alma)

    page = client.page(f"{base}/receipt")

    assert "Nil declaration acknowledged" in text_of(page, "main")
    for kind in ("nil-declared", "nil-acknowledged"):
        assert client.get(f"{base}/receipt.pdf?kind={kind}").data.startswith(b"%PDF-")


def test_there_is_no_receipt_of_what_did_not_happen(stage: Stage, browser, base, tmp_path: Path):
    sign(stage, tmp_path)
    draft = reference_of(stage, dispatch_in(stage, Status.DRAFT, sender=stage.alma, receiver=stage.cora))
    client = browser(stage.alma)

    assert client.get(f"{base}/receipt.pdf?kind=sent-back").status_code == 404
    assert client.get(f"{base}/receipt.pdf?kind=nonsense").status_code == 404
    assert client.get(f"/transfers/{draft}/receipt").status_code == 404
    assert client.get(f"/transfers/{draft}/receipt.pdf").status_code == 404
    assert browser(stage.stella).get(f"{base}/receipt.pdf").status_code == 404
    assert browser(stage.edie).get(f"{base}/receipt.pdf").status_code == 403


def test_where_too_few_witnesses_have_seen_the_log_the_page_says_so(stage: Stage, browser, base, app, tmp_path: Path):
    witness = VerifierKey("north.example", public_key_of(b"\x21" * 32), ED25519_COSIGNATURE)
    sign(stage, tmp_path)
    services = app.extensions[EXTENSION]
    policy = write_policy([KEY.verifier], witnesses={"north": witness}, needed=1)
    app.extensions[EXTENSION] = replace(services, settings=replace(services.settings, log_policy=policy))

    page = text_of(browser(stage.alma).page(f"{base}/receipt"), "main")
    assert page.count("Too few witnesses have seen the log since") == 3

    with stage.database.writing() as session:
        newest = find_newest_checkpoint(session)
        signature = cosign(newest.note, name="north.example", seed=b"\x21" * 32, now=stage.at.now())
        record_cosignatures(session, newest.size, signatures=[signature], witnesses=[witness], now=stage.at.now())
    page = text_of(browser(stage.alma).page(f"{base}/receipt"), "main")
    assert "Too few witnesses" not in page
    receipt = browser(stage.alma).get(f"{base}/receipt.tlog-proof?kind=sent").data
    assert verifier.verify_receipt(receipt, verifier.read_policy(policy.encode())).holds
