"""Some hundreds of the damages of `log_mutations`, each found by a named check; TRANSFER_TESTS_MUTATIONS= does more."""

import json
import os
from pathlib import Path

import pytest

from tests.properties.log_mutations import (
    DAMAGES,
    KEY,
    SIZE,
    damage_database,
    damage_export,
    damage_receipts,
    made_log,
    open_sealed_detail,
)
from transfer_service import verifier
from transfer_service.audit.verify import verify_log

COUNT = int(os.environ.get("TRANSFER_TESTS_MUTATIONS", "350")) // 7
# A part's damage is found by checks of that part, or of what is computed from it.
FOUND_BY = {
    "leaves": {"leaf", "detail", "constraint", "row"},
    "nodes": {"node", "constraint"},
    "head": {"head", "log", "LogNotPrepared", "constraint", "row"},
    "checkpoints": {"checkpoint", "cosignature", "log", "constraint", "row"},
    "cosignatures": {"cosignature", "constraint", "row"},
    "details": {"detail", "constraint"},
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory):
    with made_log(tmp_path_factory.mktemp("mutated")) as database:
        yield database


def test_the_log_that_is_damaged_below_holds_as_it_is(log):
    with log.reading() as session:
        report = verify_log(session, keys=[KEY.verifier], open_sealed=open_sealed_detail)
    assert {problem.code for problem in report.problems} == {"guard.missing"}
    assert (report.size, report.checkpoints, report.details_right, report.details_erased) == (SIZE, 5, 10, 2)


@pytest.mark.parametrize("part", list(DAMAGES))
def test_every_damage_to_a_part_of_the_log_is_found_by_a_check_of_that_part(log, part: str):
    findings = damage_database(log, part, max(COUNT, len(DAMAGES[part])), seed=20260903)
    assert findings.unfound == []
    assert {check.split(".", maxsplit=1)[0] for _, check in findings.by_check} <= FOUND_BY[part]
    assert findings.count >= COUNT


def test_no_damaged_receipt_says_what_was_not_committed():
    findings = damage_receipts(4 * COUNT, seed=20260903)
    assert findings.unfound == []
    assert findings.count == 4 * COUNT


def test_every_damage_to_an_export_is_found_by_the_verifier_that_knows_nothing_of_ours(log, tmp_path: Path):
    findings = damage_export(log, tmp_path, max(COUNT // 2, 10), seed=20260903)
    assert findings.unfound == []


@pytest.mark.parametrize("name", ["idx", "at", "event", "v"])
def test_a_leaf_that_lacks_a_field_is_wrong_and_no_fault_of_the_verifier(name: str):
    leaf = {"at": "2026-09-03T08:00:00.000000Z", "event": "notes.read", "idx": 0, "v": 1}

    def written(fields: dict[str, object]) -> bytes:
        return json.dumps(fields, separators=(",", ":")).encode()

    assert verifier.read_leaf(written(leaf), 0) == leaf
    with pytest.raises(verifier.Wrong):
        verifier.read_leaf(written({field: value for field, value in leaf.items() if field != name}), 0)
