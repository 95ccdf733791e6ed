"""Finding the evidence in what people hand in, whatever it is."""

import random
import tracemalloc
import zlib

import pytest

from transfer_service.interchange.receipt_files import NoReceipt, find_proof

PROOF = b"c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\nnote\n"
OTHER = PROOF.replace(b"index 0", b"index 1")


def pdf(*streams: bytes) -> bytes:
    return b"%PDF-1.7\n" + b"".join(b"1 0 obj\nstream\n" + body + b"\nendstream\n" for body in streams)


def test_the_evidence_itself_is_taken_as_it_is():
    assert find_proof(PROOF) == PROOF


@pytest.mark.parametrize("packed", [PROOF, zlib.compress(PROOF)])
def test_a_pdf_is_unpacked(packed: bytes):
    found = find_proof(pdf(zlib.compress(b"a page"), packed, b"a picture"))
    assert found.rstrip(b"\n") == PROOF.rstrip(b"\n")


def test_a_pdf_that_holds_one_receipt_twice_holds_one():
    assert find_proof(pdf(zlib.compress(PROOF), zlib.compress(PROOF, 1))) == PROOF


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a receipt"),
        (b"PK\x03\x04", "not a receipt"),
        (pdf(b"a picture", zlib.compress(b"a page")), "carries no evidence"),
        (pdf(zlib.compress(PROOF), zlib.compress(OTHER)), "more than one receipt"),
        (pdf(*[zlib.compress(PROOF)] * 5), "more than one receipt"),
        (pdf(zlib.compress(PROOF)[:-6]), "carries no evidence"),
        (pdf(zlib.compress(PROOF + bytes(2_000_000))), "carries no evidence"),
        (pdf() + b"stream\n" + PROOF, "carries no evidence"),
        (pdf(*[b""] * 2_001), "too many parts"),
    ],
)
def test_what_carries_no_receipt_or_several_is_refused(data: bytes, sentence: str):
    with pytest.raises(NoReceipt, match=sentence):
        find_proof(data)


def test_a_small_pdf_that_unpacks_to_gigabytes_is_refused_before_it_does():
    """Anybody may hand one in: the page asks for no account."""
    chance = random.Random(7)
    many = [zlib.compress(PROOF + chance.randbytes(8) + bytes(900_000)) for _ in range(1_500)]
    unended = b"%PDF-1.7\n" + (b"stream\n" + PROOF) * 1_999 + bytes(3_000_000)
    for data, sentence in ((pdf(*many), "more than one receipt"), (unended, "carries no evidence")):
        assert len(data) < 4 * 1024 * 1024
        tracemalloc.start()
        with pytest.raises(NoReceipt, match=sentence):
            find_proof(data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 * 1024 * 1024
