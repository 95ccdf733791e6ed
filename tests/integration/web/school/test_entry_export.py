"""A school takes the log's entries of its own transfer away, and anybody checks them without the service."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.factories import dispatch_in
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import reference_of
from tests.observing import leaves
from transfer_service import verifier
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.domain.transfer import Status

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
KEY = LogSigningKey(name="tests/log", seed=b"\x07" * 32)
POLICY = verifier.Policy([verifier.read_key(KEY.vkey, verifier.NOTE_KEY)], quorum="none")


@pytest.fixture
def reference(stage: Stage, tmp_path: Path) -> str:
    """A file that Alma sent and Cora acknowledged, all of it signed."""
    made = dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    sign_committed(stage.database, key=KEY, state_file=tmp_path / "state.json", now=stage.clock())
    return reference_of(stage, made)


def proofs_in(body: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return [archive.read(name) for name in archive.namelist() if name.endswith(".tlog-proof")]


def leaf_of(proof: bytes) -> dict[str, Any]:
    return dict(json.loads(verifier.unbase64(verifier.read_receipt(proof).extra["leaf"])))


def take(stage: Stage, browser, member: Any, reference: str) -> list[bytes]:
    response = browser(member).get(f"/transfers/{reference}/entries.zip")
    assert (response.status_code, response.mimetype) == (200, "application/zip")
    assert response.headers["Content-Disposition"] == f"attachment; filename={reference}-log-entries.zip"
    return proofs_in(response.data)


def test_each_school_gets_its_own_acts_and_the_steps_that_both_see_and_the_verifier_accepts_each(
    stage: Stage, browser, reference: str
):
    given = {}
    for name, member in (("sender", stage.alma), ("receiver", stage.cora)):
        proofs = take(stage, browser, member, reference)
        reports = [verifier.verify_receipt(proof, POLICY) for proof in proofs]
        assert proofs
        assert [report.failed for report in reports if not report.holds] == []
        given[name] = {leaf_of(proof)["event"] for proof in proofs}
    both = {"dispatch.sent", "dispatch.opened", "dispatch.acknowledged", "pupil.confirmed"}
    assert both <= given["sender"]
    assert given["receiver"] == both
    assert "note.sealed" in given["sender"]


def test_the_entries_carry_nothing_that_stands_beside_them(stage: Stage, browser, reference: str):
    for proof in take(stage, browser, stage.alma, reference):
        assert set(verifier.read_receipt(proof).extra) <= {"v", "leaf", "previous"}


def test_the_taking_is_in_the_log_first_and_is_an_entry_of_that_school(stage: Stage, browser, reference: str):
    before = len(leaves(stage.service))
    take(stage, browser, stage.alma, reference)
    said = leaves(stage.service)[before:]
    assert [(leaf.event, leaf.actor, leaf.org) for leaf in said] == [
        ("audit.exported", stage.alma.person_id, stage.alma.actor.organisation_id)
    ]
    assert "took the log’s entries away" in browser(stage.alma).get(f"/transfers/{reference}").text.replace(
        "&#39;", "'"
    )
    assert "took the log" not in browser(stage.cora).get(f"/transfers/{reference}").text


def test_the_head_takes_them_and_the_office_another_school_and_an_authority_do_not(
    stage: Stage, browser, reference: str
):
    address = f"/transfers/{reference}/entries.zip"
    assert take(stage, browser, stage.cast.hugh, reference)
    assert "entries.zip" in browser(stage.cast.hugh).get(f"/transfers/{reference}").text
    assert "entries.zip" not in browser(stage.edie).get(f"/transfers/{reference}").text
    before = len(leaves(stage.service))
    assert browser(stage.edie).get(address).status_code == 403
    assert browser(stage.stella).get(address).status_code == 404
    assert browser(stage.cast.olive).get(address).status_code == 403
    assert {leaf.event for leaf in leaves(stage.service)[before:]} == {"access.refused"}
