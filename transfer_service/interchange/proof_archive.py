"""Entries of the log with their proofs as one ZIP, with the words that say how to check them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Final

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)

_HOW: Final = """Entries of the log about {reference}

Each file .tlog-proof is one entry with the proof that it stands in the log, at the place that its name says.
{unsigned}
Check one with Python and its package cryptography, without the service:

    python verifier.py verify receipt {reference}/entry-000000000.tlog-proof --policy policy.txt

verifier.py is at the address /verifier.py of the service. Take the policy from the letter, the poster or the weekly
mail. The entries name nobody: people, schools and transfers stand there as the ids of the service.
"""


def build_proof_archive(
    *, reference: str, proofs: Iterable[tuple[int, bytes]], unsigned: int, unwitnessed: int = 0
) -> bytes:
    """Make the ZIP from indexes and proofs; the same contents make the same bytes.

    `unsigned` entries are not in it. Of those in it the last `unwitnessed` do not hold by the policy yet.
    """
    missing = f"{unsigned} newer entries are not here: no checkpoint covers them yet.\n" if unsigned else ""
    if unwitnessed:
        missing += (
            f"Of the entries here {unwitnessed} are too new: fewer witnesses have seen them than the policy asks for, "
            "so that they do not hold by it yet. Take the entries again in an hour or two.\n"
        )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        how = _HOW.format(reference=reference, unsigned=missing)
        archive.writestr(zipfile.ZipInfo(f"{reference}/how-to-check.txt", _EARLIEST), how)
        for idx, proof in proofs:
            archive.writestr(zipfile.ZipInfo(f"{reference}/entry-{idx:09d}.tlog-proof", _EARLIEST), proof)
    return target.getvalue()
