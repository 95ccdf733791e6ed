import io
import zipfile

import pytest

from transfer_service.domain.notes import (
    MAX_ATTACHMENT_BYTES,
    NOTE_CATEGORY_LABELS,
    WHY_SHARED_LABELS,
    WITHHELD_REASON_LABELS,
    NoteCategory,
    WhyShared,
    WithheldReason,
    size_bucket_label,
)
from transfer_service.domain.uploads import (
    UPLOAD_PROBLEM_SENTENCES,
    AcceptedUpload,
    UploadProblem,
    judge_upload,
    sniff,
    tidy_file_name,
)

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"


def archive(*entries):
    """Make a real ZIP file of (name, content) pairs; the media type of an ODT is stored, as the format asks."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return body.getvalue()[:4096]


WORD = archive(("[Content_Types].xml", "<Types/>"), ("_rels/.rels", "<R/>"), ("word/document.xml", "<w/>"))
WORD_FIRST = archive(("word/document.xml", "<w/>"), ("[Content_Types].xml", "<Types/>"))
EXCEL = archive(("[Content_Types].xml", "<Types/>"), ("xl/workbook.xml", "<w/>"))
SLIDES = archive(("[Content_Types].xml", "<Types/>"), ("ppt/presentation.xml", "<w/>"))
MACROS = archive(("[Content_Types].xml", "<Types/>"), ("word/vbaProject.bin", "x"), ("word/document.xml", "<w/>"))
TEXT = archive(("mimetype", ODT), ("content.xml", "<office/>"))
TEMPLATE = archive(("mimetype", ODT + "-template"), ("content.xml", "<office/>"))
SHEET = archive(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", "<office/>"))
PLAIN_ZIP = archive(("holiday.txt", "x"))
MAIL = b"Received: from mail.example by mx.example; Mon, 14 Sep 2026 09:00:00 +0100\r\nSubject: x\r\n\r\nHello"

TAKEN = [
    ("plan.pdf", b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
    ("Plan.PDF", b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
    ("scan.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    ("scan.jpeg", b"\xff\xd8\xff\xe1\x00\x10Exif", "image/jpeg"),
    ("scan.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    ("scan.tif", b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    ("scan.tiff", b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    ("photo.heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
    ("mail.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "application/vnd.ms-outlook"),
    ("mail.eml", MAIL, "message/rfc822"),
    ("mail.eml", b"\xef\xbb\xbf\r\nX-Some-Header: 1\r\n", "message/rfc822"),
    ("mail.eml", b"ARC-Seal: i=1; a=rsa-sha256; t=1789372800;\r\n b=Zm9v\r\n" + MAIL, "message/rfc822"),
    ("mail.eml", b"Importance: high\nSubject: A visit\n\nHello", "message/rfc822"),
    ("minutes.docx", WORD, DOCX),
    ("minutes.docx", WORD_FIRST, DOCX),
    ("minutes.odt", TEXT, ODT),
]


@pytest.mark.parametrize("name, body, media_type", TAKEN)
def test_a_file_that_is_what_its_name_says_is_taken(name, body, media_type):
    assert judge_upload(name, body, len(body)) == AcceptedUpload(name, media_type)


@pytest.mark.parametrize(
    "name, body",
    [
        ("plan.pdf", b"MZ\x90\x00"),
        ("plan.pdf", WORD),
        ("scan.jpg", b"%PDF-1.7"),
        ("scan.png", b"\x89PNG\r\n\x1a"),
        ("photo.heic", b"\x00\x00\x00\x18ftypisom"),
        ("mail.msg", MAIL),
        ("mail.eml", b"%PDF-1.7"),
        ("mail.eml", b"<html>Subject: no</html>"),
        ("mail.eml", b"just some words"),
        ("mail.eml", b"just some words\nSubject: no"),
        ("mail.eml", b"Note:\n\nSubject: behind the headers"),
        ("mail.eml", b"Note: this is no mail\nand this is none either"),
        ("minutes.docx", EXCEL),
        ("minutes.docx", SLIDES),
        ("minutes.docx", TEXT),
        ("minutes.docx", PLAIN_ZIP),
        ("minutes.docx", MACROS),
        ("minutes.docx", b"PK\x03\x04"),
        ("minutes.odt", WORD),
        ("minutes.odt", SHEET),
        ("minutes.odt", TEMPLATE),
        ("minutes.odt", PLAIN_ZIP),
    ],
)
def test_a_file_that_is_something_else_than_its_name_says_is_refused(name, body):
    assert judge_upload(name, body, len(body)) is UploadProblem.DISGUISED


@pytest.mark.parametrize("name", ["run.exe", "page.html", "a.svg", "a.doc", "data.zip", "plan", "plan.pdf.exe", "a."])
def test_other_kinds_of_file_are_refused(name):
    assert judge_upload(name, b"%PDF-1.7", 8) is UploadProblem.KIND


@pytest.mark.parametrize("name", ["minutes.docm", "minutes.DOTM"])
def test_documents_with_macros_are_refused(name):
    assert judge_upload(name, WORD, len(WORD)) is UploadProblem.MACROS


@pytest.mark.parametrize("name", ["", "   ", "/", "folder/", ".pdf", "\u202e\u200f"])
def test_a_file_needs_a_name(name):
    assert judge_upload(name, b"%PDF-1.7", 8) is UploadProblem.NO_NAME


def test_an_empty_file_is_refused():
    assert judge_upload("plan.pdf", b"", 0) is UploadProblem.EMPTY
    assert judge_upload("plan.pdf", b"", None) is UploadProblem.EMPTY
    assert judge_upload("plan.pdf", b"%PDF-", 0) is UploadProblem.EMPTY


def test_the_limit_is_twenty_five_mebibytes():
    assert MAX_ATTACHMENT_BYTES == 26_214_400
    assert isinstance(judge_upload("plan.pdf", b"%PDF-1.7", 26_214_400), AcceptedUpload)
    assert judge_upload("plan.pdf", b"%PDF-1.7", 26_214_401) is UploadProblem.TOO_LARGE
    assert judge_upload("plan.pdf", b"%PDF-1.7", 11, limit=10) is UploadProblem.TOO_LARGE


def test_a_file_whose_size_is_not_known_yet_may_begin():
    assert isinstance(judge_upload("plan.pdf", b"%PDF-1.7", None), AcceptedUpload)


@pytest.mark.parametrize(
    "name, tidy",
    [
        ("C:\\Users\\me\\plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("  two   spaces.pdf ", "two spaces.pdf"),
        ("line\nbreak\x00.pdf", "linebreak.pdf"),
        ("photo\u202efdp.exe", "photofdp.exe"),
        ("Zoë’s café.pdf", "Zoë’s café.pdf"),
        ("ملف.pdf", "ملف.pdf"),
        ("a" * 300 + ".pdf", "a" * 196 + ".pdf"),
        ("a" * 300, "a" * 200),
        ("a." + "b" * 300, "a." + "b" * 198),
    ],
)
def test_a_files_name_is_tidied(name, tidy):
    assert tidy_file_name(name) == tidy


def test_a_taken_file_never_shows_its_name():
    assert "Smith" not in repr(AcceptedUpload("Smith plan.pdf", "application/pdf"))


def test_what_is_not_known_by_its_bytes_is_none():
    assert sniff(b"plain words") is None
    assert sniff(b"") is None


@pytest.mark.parametrize(
    "size, label",
    [
        (0, "up to 10 kB"),
        (10_240, "up to 10 kB"),
        (10_241, "up to 100 kB"),
        (1_048_576, "up to 1 MB"),
        (5_242_881, "up to 25 MB"),
        (26_214_401, "over 25 MB"),
    ],
)
def test_sizes_are_said_roughly(size, label):
    assert size_bucket_label(size) == label


@pytest.mark.parametrize(
    "labels, words",
    [
        (NOTE_CATEGORY_LABELS, NoteCategory),
        (WHY_SHARED_LABELS, WhyShared),
        (WITHHELD_REASON_LABELS, WithheldReason),
        (UPLOAD_PROBLEM_SENTENCES, UploadProblem),
    ],
)
def test_every_word_has_a_label(labels, words):
    assert set(labels) == set(words)
