"""Runs in an environment of its own that has the package sigstore: `python … RECEIPT` checks the receipt's path.

sigstore verifies entries of the public log Rekor with the same tree (RFC 6962); only its Merkle code is used here.
"""

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace

from sigstore._internal.merkle import verify_merkle_inclusion


def main(path: str) -> None:
    head, _, note = Path(path).read_text().partition("\n\n")
    _, extra, index, *hashes = head.split("\n")
    _, size, root = note.split("\n")[:3]
    proof = SimpleNamespace(
        log_index=int(index.removeprefix("index ")),
        tree_size=int(size),
        root_hash=base64.b64decode(root),
        hashes=[base64.b64decode(one) for one in hashes],
    )
    leaf = base64.b64decode(json.loads(base64.b64decode(extra.removeprefix("extra ")))["leaf"])
    entry = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf))
    verify_merkle_inclusion(entry)
    print(f"leaf {proof.log_index} of {proof.tree_size}")


if __name__ == "__main__":
    main(sys.argv[1])
