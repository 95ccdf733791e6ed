"""An authority takes a transfer's entries away with their proofs, and anybody checks them without the service."""

import io
import re
import zipfile
from pathlib import Path

from tests import factories
from tests.integration.transfers.stage import Stage
from tests.observing import leaves
from transfer_service import verifier
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import Dispatch
from transfer_service.domain.transfer import Status

KEY = LogSigningKey(name="tests/log", seed=b"\x07" * 32)
POLICY = verifier.Policy([verifier.read_key(KEY.vkey, verifier.NOTE_KEY)], quorum="none")


def a_transfer(stage: Stage) -> str:
    dispatch_id = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id).transfer.reference


def sign(stage: Stage, folder: Path) -> None:
    sign_committed(stage.database, key=KEY, state_file=folder / "state.json", now=stage.clock())


def files_of(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_entry_comes_with_a_proof_that_the_verifier_accepts(stage: Stage, client_for, tmp_path: Path):
    reference = a_transfer(stage)
    sign(stage, tmp_path)
    answer = client_for(stage.cast.olive).get(f"/authority/audit/transfers/{reference}/entries.zip")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    files = files_of(answer.data)
    proofs = [body for name, body in files.items() if name.endswith(".tlog-proof")]
    reports = [verifier.verify_receipt(proof, POLICY) for proof in proofs]
    assert [report.failed for report in reports if not report.holds] == []
    told = " ".join(line for report in reports for line in report.says)
    for words in ("a file was sent", "a file was opened", "a file was acknowledged"):
        assert words in told
    # The export itself is an entry about the transfer too, and no checkpoint covers it yet.
    assert re.search(rb"\b1 newer entries are not here", files[f"{reference}/how-to-check.txt"])


def test_the_entries_name_nobody(stage: Stage, client_for, tmp_path: Path):
    reference = a_transfer(stage)
    sign(stage, tmp_path)
    body = client_for(stage.cast.olive).get(f"/authority/audit/transfers/{reference}/entries.zip").data
    extras = [
        verifier.read_receipt(file).extra for name, file in files_of(body).items() if name.endswith(".tlog-proof")
    ]
    assert extras
    assert {key for extra in extras for key in extra} <= {"v", "leaf", "previous"}


def test_the_export_is_in_the_log_first(stage: Stage, client_for, tmp_path: Path):
    reference = a_transfer(stage)
    before = len(leaves(stage.service))
    client_for(stage.cast.olive).get(f"/authority/audit/transfers/{reference}/entries.zip")
    said = leaves(stage.service)[before:]
    assert [(leaf.event, leaf.actor) for leaf in said] == [("audit.exported", stage.cast.olive.person_id)]


def test_another_authority_and_a_school_get_nothing(stage: Stage, client_for, tmp_path: Path):
    reference = a_transfer(stage)
    sign(stage, tmp_path)
    address = f"/authority/audit/transfers/{reference}/entries.zip"
    assert client_for(stage.cast.oscar).get(address).status_code == 404
    assert client_for(stage.cast.alma).get(address).status_code == 403
