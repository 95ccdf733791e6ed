import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pypdf
import pytest

from transfer_service.reports.facts import PersonFacts, SchoolFacts
from transfer_service.reports.receipts import (
    CheckpointFacts,
    ReceiptFacts,
    ReceiptItem,
    ReceiptKind,
    ReceiptStep,
    receipt_file_name,
    receipt_pdf,
)

PROOF = b"c2sp.org/tlog-proof@v1\nextra eyJsZWFmIjoie30ifQ==\nindex 1234\n\nfiles.example.org/log\n2000\n"
FACTS = ReceiptFacts(
    kind=ReceiptKind.ACKNOWLEDGED,
    reference="PT-7F3K-92Q4",
    dispatch_number=2,
    pupil_initials="A.K.",
    pupil_birth_year=2014,
    sending_school=SchoolFacts("St Joseph's Catholic Primary School", "Nuneaton", "Warwickshire", "125671"),
    receiving_school=SchoolFacts("Bishop Ullathorne Catholic School", "Coventry", "Coventry", "103742"),
    steps=(
        ReceiptStep("Sent", datetime(2026, 9, 3, 8, 15, tzinfo=UTC)),
        ReceiptStep("Acknowledged", datetime(2026, 12, 4, 10, 30, tzinfo=UTC)),
    ),
    items=(
        ReceiptItem("Safeguarding note", bytes(range(32)), "up to 16 kB"),
        ReceiptItem("Attachment", bytes(range(32, 64)), "up to 2 MB"),
    ),
    leaf_index=1234,
    checkpoint=CheckpointFacts("files.example.org/log", 2000, bytes(32)),
    made_at=datetime(2026, 12, 4, 11, 0, tzinfo=UTC),
    signatory=PersonFacts("Zoë Łukasz-O’Brien", "deputy designated safeguarding lead"),
    statement="I have opened and read every item that is listed.\n\nThe SENCO has been told.",
    statement_version="acknowledgement/1",
)


def read(pdf):
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    text = "\n".join(page.extract_text() for page in reader.pages)
    return reader, re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def receipt():
    return receipt_pdf(FACTS, PROOF)


def test_a_receipt_tells_what_was_handed_over_between_whom_and_when(receipt):
    _, text = read(receipt)
    for words in (
        "Receipt: safeguarding file acknowledged",
        "Reference: PT-7F3K-92Q4",
        "Dispatch: 2",
        "Pupil: A.K., born in 2014",
        "Sending school: St Joseph's Catholic Primary School, Nuneaton, Warwickshire, URN 125671",
        "Receiving school: Bishop Ullathorne Catholic School, Coventry, Coventry, URN 103742",
        "Signed by: Zoë Łukasz-O’Brien, deputy designated safeguarding lead",
        "Sent: 3 September 2026 at 09:15",
        "Acknowledged: 4 December 2026 at 10:30",
    ):
        assert words in text


def test_the_statement_stands_word_for_word_with_its_version(receipt):
    _, text = read(receipt)
    assert "I have opened and read every item that is listed. The SENCO has been told." in text
    assert "Statement version acknowledgement/1" in text


def test_items_are_listed_by_kind_size_and_whole_digest_without_titles(receipt):
    _, text = read(receipt)
    assert "Safeguarding note up to 16 kB 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" in text
    assert "Attachment up to 2 MB 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f" in text


def test_the_place_in_the_log_is_told_as_the_checkpoint_writes_it(receipt):
    _, text = read(receipt)
    assert "Log: files.example.org/log" in text
    assert "Entry: number 1234, counted from 0" in text
    assert "Checkpoint: covers 2000 entries" in text
    assert "Root hash: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" in text


def test_a_receipt_says_that_it_is_a_rendering_and_how_to_check_the_evidence(receipt):
    _, text = read(receipt)
    assert "This PDF is a rendering" in text
    assert "The evidence is the file PT-7F3K-92Q4-acknowledged.tlog-proof" in text
    assert "python verifier.py verify receipt PT-7F3K-92Q4-acknowledged.tlog-proof --policy FILE" in text


def test_the_evidence_is_embedded_byte_for_byte(receipt):
    reader, _ = read(receipt)
    assert reader.attachments == {"PT-7F3K-92Q4-acknowledged.tlog-proof": [PROOF]}


def test_the_pdf_is_tagged_named_in_english_and_says_so(receipt):
    reader, _ = read(receipt)
    root = reader.trailer["/Root"]
    described = root["/Metadata"].get_data().decode()
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "en-GB"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert "<pdfuaid:part>1</pdfuaid:part>" in described
    assert "<pdfaid:part>3</pdfaid:part>" in described
    assert reader.metadata.title == "Receipt: safeguarding file acknowledged"


def test_headings_lists_and_table_headings_are_tagged(receipt):
    reader, _ = read(receipt)
    tags = set()

    def walk(node):
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict):
            if "/S" in node:
                tags.add(str(node["/S"]))
            if "/K" in node:
                walk(node["/K"])

    walk(reader.trailer["/Root"]["/StructTreeRoot"]["/K"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/L", "/LI"} <= tags


def test_the_same_facts_make_the_same_bytes(receipt):
    assert receipt_pdf(FACTS, PROOF) == receipt


@pytest.mark.parametrize(
    "kind, title, sentence",
    [
        (ReceiptKind.SENT, "safeguarding file sent", "does not prove that anybody has opened it"),
        (ReceiptKind.OPENED, "safeguarding file opened", "does not prove that everything in it could be read"),
        (ReceiptKind.SENT_BACK, "dispatch sent back", "the date by which the file is due has not moved"),
        (ReceiptKind.NIL_DECLARED, "nil declaration made", "holds no safeguarding information on this pupil"),
        (ReceiptKind.NIL_ACKNOWLEDGED, "nil declaration acknowledged", "took note that the sending school"),
        (ReceiptKind.SHREDDED, "sealed contents shredded", "Receipts and the log remain"),
    ],
)
def test_every_kind_of_receipt_says_what_it_proves(kind, title, sentence):
    facts = replace(FACTS, kind=kind, items=(), statement="", signatory=None)
    reader, text = read(receipt_pdf(facts, PROOF))
    assert reader.metadata.title == f"Receipt: {title}"
    assert sentence in text
    assert "word for word" not in text
    assert "What the dispatch held" not in text
    assert "Signed by" not in text


def test_the_evidence_is_named_by_the_reference_and_what_it_proves():
    assert receipt_file_name("PT-7F3K-92Q4", ReceiptKind.SENT_BACK) == "PT-7F3K-92Q4-sent-back.tlog-proof"


@pytest.mark.parametrize("name", ["Amira Khan", "Amira K.", "Khaan, A."])
def test_a_name_in_place_of_initials_is_refused_and_not_repeated(name):
    with pytest.raises(ValueError, match="a receipt shows initials, never a name") as refused:
        replace(FACTS, pupil_initials=name)
    assert name not in str(refused.value)


def test_evidence_that_is_no_text_is_refused():
    with pytest.raises(ValueError, match="utf-8"):
        receipt_pdf(FACTS, b"\xff\xfe")
