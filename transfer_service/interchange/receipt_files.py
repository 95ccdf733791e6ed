"""Receipts as people hand them in: the evidence itself, or a PDF that carries it as an attachment.

A PDF is not read as a document. Its streams are unpacked, each within a limit, and the one that is a transparency log
proof is taken: nothing else of what the PDF says is believed anyway.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

from transfer_service.domain.errors import FileRefused

PROOF_START: Final = b"c2sp.org/tlog-proof@v1\n"
LARGEST_FILE: Final = 4 * 1024 * 1024
LARGEST_PROOF: Final = 1024 * 1024
MOST_STREAMS: Final = 2_000
MOST_COPIES: Final = 4
"""How often one receipt may be in a PDF, which a program that saved it anew may have copied."""

_STREAM: Final = re.compile(rb"stream\r?\n")


class NoReceipt(FileRefused):
    """The file is no receipt, or a PDF without exactly one in it."""


def find_proof(data: bytes) -> bytes:
    """Return the bytes of the `.tlog-proof` in a file that is one, or that is a PDF with one embedded.

    Raises NoReceipt where there is none, or more than one: then nobody could say which the PDF shows.
    """
    if not data.startswith(b"%PDF-"):
        if data.startswith(PROOF_START):
            return data
        raise NoReceipt("This file is not a receipt. Choose the file that ends in .tlog-proof, or the receipt as a PDF")
    found: bytes | None = None
    for number, proof in enumerate(_embedded(data)):
        # Two are compared and no more kept: a small file can hold thousands, of a megabyte each when unpacked.
        if number >= MOST_COPIES or found not in (None, proof):
            raise NoReceipt("This PDF carries more than one receipt. Choose the PDF as it came from the service")
        found = proof
    if found is None:
        raise NoReceipt(
            "This PDF carries no evidence. Choose the PDF as it came from the service: a printed, scanned or newly "
            "saved one has lost it"
        )
    return found


def _embedded(data: bytes) -> Iterator[bytes]:
    """Unpack the PDF's streams and give those that are proofs."""
    for number, match in enumerate(_STREAM.finditer(data)):
        if number >= MOST_STREAMS:
            raise NoReceipt("This PDF is not one of the service's receipts: it has too many parts")
        start = match.end()
        if data.startswith(PROOF_START, start):
            end = data.find(b"endstream", start, start + LARGEST_PROOF)
            if end > 0:
                yield data[start:end].removesuffix(b"\r\n")
            continue
        unpacking = zlib.decompressobj()
        try:
            # The first bytes decide: whatever else a PDF holds, such as a picture, is not unpacked further.
            beginning = unpacking.decompress(data[start : start + LARGEST_PROOF], len(PROOF_START))
            if beginning == PROOF_START:
                rest = unpacking.decompress(unpacking.unconsumed_tail, LARGEST_PROOF)
                if unpacking.eof:
                    yield beginning + rest
        except zlib.error:
            continue
