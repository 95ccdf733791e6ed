"""The vectors of transparency-dev/merkle, against our tree and against the stand-alone verifier."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from transfer_service import verifier
from transfer_service.audit import tree

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "data" / "merkle"


def _cases(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json"))


needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the published vectors are not in ../shared/data/merkle"
)


def _read(path: Path) -> dict:
    case = json.loads(path.read_text())
    case["proof"] = [base64.b64decode(digest or "") for digest in case["proof"] or []]
    return case


def _root(text: str | None) -> bytes:
    root = base64.b64decode(text or "")
    # Some vectors write words where the root's value is of no matter; here a root is always a hash.
    return hashlib.sha256(root).digest() if root.startswith(b"don't care") else root


def _verifier_agrees(check, *arguments) -> bool:
    try:
        check(*arguments)
    except verifier.Wrong:
        return False
    return True


@needs_vectors
def test_there_are_as_many_vectors_as_were_published():
    assert len(_cases("inclusion")) + len(_cases("consistency")) == 196


@needs_vectors
@pytest.mark.parametrize("path", _cases("inclusion"), ids=lambda path: str(path.relative_to(VECTORS)))
def test_an_inclusion_proof_is_judged_as_published(path: Path):
    case = _read(path)
    leaf, root = base64.b64decode(case["leafHash"] or ""), base64.b64decode(case["root"] or "")
    index, size, proof = case["leafIdx"], case["treeSize"], case["proof"]
    ours = tree.verifies_inclusion(index=index, size=size, leaf_hash=leaf, proof=proof, root=root)
    # The verifier is given hashes that it computed or whose length it has read, so an empty one never reaches it.
    is_hash = len(leaf) == 32 and len(root) == 32 and all(len(digest) == 32 for digest in proof)
    theirs = is_hash and _verifier_agrees(verifier.check_inclusion, index, size, leaf, proof, root)
    assert (ours, theirs) == (not case["wantErr"], not case["wantErr"])


@needs_vectors
@pytest.mark.parametrize("path", _cases("consistency"), ids=lambda path: str(path.relative_to(VECTORS)))
def test_a_consistency_proof_is_judged_as_published(path: Path):
    case = _read(path)
    old_root, new_root = _root(case["root1"]), _root(case["root2"])
    old_size, new_size, proof = case["size1"], case["size2"], case["proof"]
    ours = tree.verifies_consistency(
        old_size=old_size, new_size=new_size, old_root=old_root, new_root=new_root, proof=proof
    )
    is_hash = all(len(digest) == 32 for digest in [old_root, new_root, *proof])
    theirs = is_hash and _verifier_agrees(verifier.check_consistency, old_size, old_root, new_size, new_root, proof)
    assert (ours, theirs) == (not case["wantErr"], not case["wantErr"])
