import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pypdf
import pytest

from transfer_service.reports.facts import PersonFacts, SchoolFacts
from transfer_service.reports.notes import (
    AttachmentFacts,
    NoteFacts,
    NotesFacts,
    PupilFacts,
    WithheldFacts,
    notes_pdf,
    notes_text,
    say_size,
)

NOTE = NoteFacts(
    category="Early help (CAF)",
    dated_on=date(2026, 5, 1),
    text="First line,\nsecond line.\n\nA paragraph of its own.",
    why_shared="Support must be ready on the first day.",
    written_by=PersonFacts("Carol Dean", "designated safeguarding lead"),
    written_at=datetime(2026, 9, 1, 14, 0, tzinfo=UTC),
    provenance="Received from an earlier school on 4 June 2023",
)
FACTS = NotesFacts(
    reference="PT-7F3K-92Q4",
    pupil=PupilFacts("Amira", "Khan", date(2014, 3, 9), "H801200001001"),
    sending_school=SchoolFacts("St Joseph's Catholic Primary School", "Nuneaton", "Warwickshire", "125671"),
    receiving_school=SchoolFacts("Bishop Ullathorne Catholic School", "Coventry", "Coventry", "103742"),
    sent_by=PersonFacts("Carol Dean", "designated safeguarding lead"),
    sent_at=datetime(2026, 9, 3, 8, 15, tzinfo=UTC),
    notes=(NOTE,),
    attachments=(AttachmentFacts("Chronology.pdf", 2_480_000),),
    withheld=(WithheldFacts("A letter of another family", "Third-party data"),),
    made_by=PersonFacts("Evan Frost", "deputy designated safeguarding lead"),
    made_at=datetime(2026, 9, 4, 9, 0, tzinfo=UTC),
)
EMPTY = replace(FACTS, notes=(), attachments=(), withheld=(), pupil=replace(FACTS.pupil, upn=None))


def words_of(pdf):
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    return re.sub(r"\s+", " ", "\n".join(page.extract_text() for page in reader.pages))


def with_text(text):
    return replace(FACTS, notes=(replace(NOTE, text=text),))


def named(forename, surname):
    return replace(FACTS, pupil=replace(FACTS.pupil, forename=forename, surname=surname))


def test_the_file_names_the_pupil_the_schools_and_who_sent_it():
    text = words_of(notes_pdf(FACTS))
    for words in (
        "Safeguarding file",
        "Pupil: Amira Khan",
        "Born on: 9 March 2014",
        "UPN: H801200001001",
        "Reference: PT-7F3K-92Q4",
        "URN 125671",
        "URN 103742",
        "Sent: 3 September 2026 at 09:15 by Carol Dean, designated safeguarding lead",
        "This copy made: 4 September 2026 at 10:00 by Evan Frost, deputy designated safeguarding lead",
    ):
        assert words in text


def test_a_note_stands_with_its_category_date_text_and_where_it_comes_from():
    text = words_of(notes_pdf(FACTS))
    for words in (
        "Early help (CAF), 1 May 2026",
        "First line, second line. A paragraph of its own.",
        "Why it is shared: Support must be ready on the first day.",
        "Written by: Carol Dean, designated safeguarding lead",
        "Recorded: 1 September 2026 at 15:00",
        "Provenance: Received from an earlier school on 4 June 2023",
    ):
        assert words in text


def test_documents_and_what_was_withheld_are_listed():
    text = words_of(notes_pdf(FACTS))
    assert "Chronology.pdf 2.5 MB" in text
    assert "A letter of another family Third-party data" in text


def test_an_empty_part_says_that_it_is_empty():
    text = words_of(notes_pdf(EMPTY))
    assert "The file holds no notes." in text
    assert "The file holds no documents beside the notes." in text
    assert "Nothing: the sending school stated that this is the whole file." in text
    assert "UPN" not in text


def test_the_pdf_is_tagged_in_english_and_keeps():
    reader = pypdf.PdfReader(io.BytesIO(notes_pdf(FACTS)))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "en-GB"
    assert "<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data().decode()
    assert reader.metadata.title == "Safeguarding file"


def test_the_title_that_readers_show_in_their_window_does_not_name_the_pupil():
    reader = pypdf.PdfReader(io.BytesIO(notes_pdf(FACTS)))
    assert "Amira" not in str(reader.metadata)
    assert "Khan" not in reader.trailer["/Root"]["/Metadata"].get_data().decode()


@pytest.mark.parametrize(
    "words",
    [
        "#strong[bold] *bold* _it_ $x^2$ `raw` <label> @ref \\ // comment",
        '#import "layout.typ"; #sys.inputs',
        "= Not a heading",
        '"quoted" \\"escaped\\" {json} [brackets]',
        "~ -- --- ...",
    ],
)
def test_what_looks_like_markup_is_printed_as_it_was_written(words):
    assert words in words_of(notes_pdf(with_text(words)))


@pytest.mark.parametrize(
    "forename, surname",
    [("Zoë", "O’Brien"), ("Łukasz", "Đặng"), ("Ναυσικά", "Παππά"), ("Юлия", "Щукина"), ("Siân", "ap Gwilym-Ŵyn")],
)
def test_names_with_diacritics_and_in_other_alphabets_are_printed(forename, surname):
    assert f"Pupil: {forename} {surname}" in words_of(notes_pdf(named(forename, surname)))


@pytest.mark.parametrize("forename, surname", [("مريم", "الخطيب"), ("שרה", "כהן")])
def test_names_that_run_from_the_right_are_printed_in_their_letters(forename, surname):
    text = words_of(notes_pdf(named(forename, surname)))
    # Extraction may give the words in the order of the page, from the left; the letters must all be there.
    assert set(forename + surname) <= set(text)
    assert "[U+" not in text


def test_letters_without_a_font_are_shown_by_number_and_the_file_is_still_printed():
    text = words_of(notes_pdf(with_text("Signed \U00016a40\U0001bc00 by hand")))  # Mro and Duployan: rare everywhere
    assert "Signed [U+16A40][U+1BC00] by hand" in text
    assert "Letters that could not be printed" in text


def test_a_file_whose_letters_can_all_be_printed_has_no_word_about_missing_ones():
    assert "Letters that could not be printed" not in words_of(notes_pdf(FACTS))


def test_characters_that_could_turn_the_words_around_are_left_out():
    text = words_of(notes_pdf(with_text("safe \u202eton\u202c \u2066x\u2069 bell\x07 null\x00 end")))
    assert "safe ton x bell null end" in text


def test_private_and_broken_characters_are_shown_by_number():
    assert "a [U+E000] b [U+D800] c" in words_of(notes_pdf(with_text("a \ue000 b \ud800 c")))


def test_a_very_long_text_runs_over_pages_to_its_end():
    reader = pypdf.PdfReader(io.BytesIO(notes_pdf(with_text("word " * 6000 + "the very end."))))
    assert len(reader.pages) > 5
    assert "the very end." in "".join(page.extract_text() for page in reader.pages)
    assert f"Page 2 of {len(reader.pages)}" in reader.pages[1].extract_text()


def test_plain_text_holds_the_same_and_loses_no_letter():
    text = notes_text(replace(with_text("王小明\nsecond line"), reference="PT-7F3K-92Q4"))
    for words in (
        "Pupil: Amira Khan",
        "Early help (CAF), 1 May 2026",
        "王小明\nsecond line",
        "Why it is shared: Support must be ready on the first day.",
        "Chronology.pdf (2.5 MB)",
        "A letter of another family: Third-party data",
    ):
        assert words in text


def test_plain_text_of_an_empty_file_says_so():
    text = notes_text(EMPTY)
    assert "The file holds no notes." in text
    assert "The file holds no documents beside the notes." in text
    assert "Nothing: the sending school stated that this is the whole file." in text


@pytest.mark.parametrize(
    "length, said",
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (14_400, "14 kB"),
        (1_000_000, "1.0 MB"),
        (26_214_400, "26.2 MB"),
    ],
)
def test_sizes_are_said_as_people_do(length, said):
    assert say_size(length) == said
