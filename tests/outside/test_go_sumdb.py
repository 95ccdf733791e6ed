"""Go's `golang.org/x/mod/sumdb` (note and tlog), which knows nothing of this service, accepts what it writes."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.integration.audit.conftest import Log
from transfer_service.audit.export import export_log
from transfer_service.audit.receipts import compose_receipt
from transfer_service.crypto.signing import LogSigningKey

Verify = Callable[..., CompletedProcess[str]]
ALTERED = LogSigningKey(name="transfer.example/log", seed=b"\x08" * 32)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def signed(log: Log) -> Log:
    """A hundred leaves, signed at 7, 64, 65 and 100."""
    for count in (7, 57, 1, 35):
        log.write(count)
        log.sign()
    return log


def receipt(log: Log, folder: Path, idx: int) -> Path:
    path = folder / f"{idx}.tlog-proof"
    with log.database.reading() as session:
        path.write_bytes(compose_receipt(session, idx, open_sealed=None))
    return path


def test_go_opens_the_checkpoint_and_computes_the_same_root_from_the_exported_leaves(
    signed: Log, go_verifier: Verify, tmp_path: Path
):
    with signed.database.reading() as session:
        export_log(session, tmp_path / "export")
    checkpoint, entries = tmp_path / "export" / "checkpoint", tmp_path / "export" / "entries" / "000000000.jsonl"
    key = signed.key.verifier.text
    assert go_verifier("checkpoint", key, checkpoint).stdout == "checkpoint of 100\n"
    assert go_verifier("log", key, checkpoint, entries).stdout == "root of 100\n"
    assert go_verifier("checkpoint", ALTERED.verifier.text, checkpoint).returncode == 1
    lines = entries.read_text().splitlines(keepends=True)
    entries.write_text("".join([lines[1], lines[0], *lines[2:]]))
    assert "another root" in go_verifier("log", key, checkpoint, entries).stderr


@pytest.mark.parametrize(
    ("idx", "said"),
    [
        (0, "leaf 0 of 7\n"),
        (6, "leaf 6 of 7\n"),
        (7, "leaf 7 of 64\ngrown from 7\n"),
        (63, "leaf 63 of 64\ngrown from 7\n"),
        (64, "leaf 64 of 65\ngrown from 64\n"),
        (99, "leaf 99 of 100\ngrown from 65\n"),
    ],
)
def test_go_finds_a_receipts_leaf_in_the_tree_and_the_earlier_tree_in_the_later(
    signed: Log, go_verifier: Verify, tmp_path: Path, idx: int, said: str
):
    answer = go_verifier("receipt", signed.key.verifier.text, receipt(signed, tmp_path, idx))
    assert (answer.returncode, answer.stdout) == (0, said)


def test_go_refuses_a_receipt_at_another_place_and_one_with_another_proof(
    signed: Log, go_verifier: Verify, tmp_path: Path
):
    path = receipt(signed, tmp_path, 70)
    whole = path.read_text()
    path.write_text(whole.replace("index 70", "index 71"))
    assert go_verifier("receipt", signed.key.verifier.text, path).returncode == 1
    lines = whole.split("\n")
    lines[3], lines[4] = lines[4], lines[3]
    path.write_text("\n".join(lines))
    assert go_verifier("receipt", signed.key.verifier.text, path).returncode == 1
