"""The Merkle code of PyPI's sigstore, in an environment of its own, finds our leaves in our trees."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.audit.conftest import Log
from transfer_service.audit.receipts import compose_receipt

PYTHON = Path(__file__).parents[2] / ".venv" / "sigstore" / "bin" / "python"
SCRIPT = Path(__file__).parent / "verify_with_sigstore.py"

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.skipif(not PYTHON.exists(), reason="sigstore's own environment is not there; `make test` makes it"),
]


def check(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PYTHON, SCRIPT, path], check=False, capture_output=True, text=True)


def test_sigstore_finds_the_leaf_of_each_receipt_and_refuses_another_leaf(log: Log, tmp_path: Path):
    for count in (1, 6, 38):
        log.write(count)
        log.sign()
    path = tmp_path / "receipt.tlog-proof"
    for idx, size in ((0, 1), (3, 7), (6, 7), (7, 45), (44, 45)):
        with log.database.reading() as session:
            path.write_bytes(compose_receipt(session, idx, open_sealed=None))
        answer = check(path)
        assert (answer.returncode, answer.stdout) == (0, f"leaf {idx} of {size}\n")
    path.write_text(path.read_text().replace("index 44", "index 43"))
    assert "VerificationError" in check(path).stderr
