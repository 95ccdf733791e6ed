import io
import zipfile

import pytest

from transfer_service.reports.archive import Original, archive_name, build_archive, safe_name, safe_names


def build(*originals, proofs=()):
    return build_archive(
        reference="PT-7F3K-92Q4",
        notes_pdf=b"%PDF-1.7 notes",
        notes_text="Notes – whole\nand plain\n",
        originals=originals,
        manifest_text="1 note, 1 document\n",
        proofs=proofs,
    )


def read(archive):
    return zipfile.ZipFile(io.BytesIO(archive))


def test_everything_lies_in_one_folder_named_by_the_reference():
    archive = read(build(Original("Chronology.pdf", b"%PDF-1.4 x"), proofs=[Original("a.tlog-proof", b"proof")]))
    assert archive.namelist() == [
        "PT-7F3K-92Q4/safeguarding-file.pdf",
        "PT-7F3K-92Q4/safeguarding-file.txt",
        "PT-7F3K-92Q4/contents.txt",
        "PT-7F3K-92Q4/originals/Chronology.pdf",
        "PT-7F3K-92Q4/receipts/a.tlog-proof",
    ]
    assert archive.read("PT-7F3K-92Q4/safeguarding-file.pdf") == b"%PDF-1.7 notes"
    assert archive.read("PT-7F3K-92Q4/originals/Chronology.pdf") == b"%PDF-1.4 x"
    assert archive.read("PT-7F3K-92Q4/receipts/a.tlog-proof") == b"proof"
    assert archive.testzip() is None


def test_the_archive_is_named_by_the_reference_alone():
    assert archive_name("PT-7F3K-92Q4") == "PT-7F3K-92Q4.zip"


def test_texts_open_in_the_simplest_editor():
    archive = read(build())
    assert (
        archive.read("PT-7F3K-92Q4/safeguarding-file.txt") == b"\xef\xbb\xbfNotes \xe2\x80\x93 whole\r\nand plain\r\n"
    )


def test_the_same_contents_make_the_same_bytes():
    assert build(Original("a.pdf", b"x")) == build(Original("a.pdf", b"x"))


def test_only_the_owner_may_read_what_is_unpacked():
    assert {entry.external_attr >> 16 for entry in read(build(Original("a.pdf", b"x"))).infolist()} == {0o100600}


def test_names_that_were_changed_are_listed_beside_their_old_ones():
    archive = read(build(Original("C:\\letters\\a?.pdf", b"1"), Original("fine.pdf", b"2"), Original("FINE.pdf", b"3")))
    listed = archive.read("PT-7F3K-92Q4/file-names.txt").decode("utf-8-sig").replace("\r\n", "\n")
    assert "a-.pdf\n    was: C:\\letters\\a?.pdf" in listed
    assert "FINE (2).pdf\n    was: FINE.pdf" in listed
    assert "was: fine.pdf" not in listed


def test_a_hidden_character_is_shown_in_the_list_by_its_number():
    archive = read(build(Original("a\u202egpj.exe", b"1")))
    assert "was: a[U+202E]gpj.exe" in archive.read("PT-7F3K-92Q4/file-names.txt").decode("utf-8-sig")


def test_without_a_changed_name_there_is_no_list():
    assert "PT-7F3K-92Q4/file-names.txt" not in read(build(Original("fine.pdf", b"2"))).namelist()


@pytest.mark.parametrize(
    "name, safe",
    [
        ("Chronology 2026.pdf", "Chronology 2026.pdf"),
        ("Zoë – مريم.docx", "Zoë – مريم.docx"),
        ("Zoe\u0308.pdf", "Zoë.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\cmd.pdf", "cmd.pdf"),
        ("/", "unnamed"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("...", "unnamed"),
        (".hidden", "hidden"),
        ("ends with dot. ", "ends with dot"),
        ('a<b>c:d"e|f?g*.pdf', "a-b-c-d-e-f-g-.pdf"),
        ("line\nbreak\x00.pdf", "linebreak.pdf"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("two  \t spaces.pdf", "two spaces.pdf"),
        ("con.pdf", "_con.pdf"),
        ("LPT1", "_LPT1"),
        ("com0.tar.gz", "_com0.tar.gz"),
        ("console.pdf", "console.pdf"),
        ("no-ending-but.a-long-tail-after-the-dot", "no-ending-but.a-long-tail-after-the-dot"),
    ],
)
def test_a_name_stays_in_its_folder_and_means_the_same_everywhere(name, safe):
    assert safe_name(name) == safe


def test_a_long_name_is_cut_before_its_ending_and_not_within_a_letter():
    cut = safe_name("é" * 200 + ".pdf")
    assert cut == "é" * 58 + ".pdf"
    assert len(cut.encode()) == 120


def test_no_two_names_are_alike_even_where_case_is_ignored():
    assert safe_names(["a.pdf", "A.PDF", "a.pdf", "a (2).pdf", "b", "b", "../a.pdf"]) == [
        "a.pdf",
        "A (2).PDF",
        "a (3).pdf",
        "a (2) (2).pdf",
        "b",
        "b (2)",
        "a (4).pdf",
    ]


def test_no_entry_can_leave_the_folder_when_unpacked(tmp_path):
    hostile = ["../../escape.pdf", "/etc/cron.d/x", "..\\..\\x", "a/../../b", "CON", "x\x00y"]
    archive = read(build(*(Original(name, b"x") for name in hostile)))
    archive.extractall(tmp_path / "inside")
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and "inside/PT-7F3K-92Q4" not in str(path)]
    assert outside == []
    assert len(list((tmp_path / "inside/PT-7F3K-92Q4/originals").iterdir())) == 6
