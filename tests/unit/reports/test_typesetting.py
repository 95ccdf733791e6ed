import json
from datetime import UTC, datetime

import pytest
import typst

from transfer_service.reports.typesetting import ReportFailed, passages, typeset

NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


def failure(words):
    error = typst.TypstError(words)
    error.message = error.diagnostic = words
    return error


def test_a_failure_of_the_typesetter_repeats_nothing_of_the_text(monkeypatch):
    def fail(*arguments, **options):
        raise failure("error: the secret words")

    monkeypatch.setattr(typst, "compile", fail)
    with pytest.raises(ReportFailed) as failed:
        typeset("notes.typ", {"text": "the secret words"}, at=NOON)
    assert "can still be read on the page" in failed.value.sentence
    assert failed.value.__context__ is None
    assert "the secret words" not in str(failed.value)


def test_letters_that_stay_missing_end_in_a_failure_and_not_in_a_loop(monkeypatch):
    calls = []

    def fail(*arguments, **options):
        calls.append(1)
        raise failure('the text `"\\u{a17}"` could not be displayed with font `"F"`')

    monkeypatch.setattr(typst, "compile", fail)
    with pytest.raises(ReportFailed):
        typeset("notes.typ", {"text": "x"}, at=NOON)
    assert len(calls) == 2


def test_the_moment_of_making_may_lie_within_a_second(monkeypatch):
    named = []
    monkeypatch.setattr(typst, "compile", lambda *_, timestamp, **__: named.append(timestamp) or b"%PDF")
    assert typeset("notes.typ", {"text": "x"}, at=NOON.replace(microsecond=250_000)) == b"%PDF"
    assert named == [NOON]


def test_paragraphs_end_at_blank_lines_and_keep_their_lines():
    assert passages("one\r\ntwo\n\n \nthree\n") == [
        {"lines": ["one", "two"], "rtl": False},
        {"lines": ["three"], "rtl": False},
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "   \n \n"])
def test_no_text_has_no_paragraphs(text):
    assert passages(text) == []


@pytest.mark.parametrize(
    "text, rtl",
    [("مرحبا", True), ("שלום abc", True), ("1234 – مرحبا", True), ("abc שלום", False), ("1234", False)],
)
def test_a_paragraph_runs_as_its_first_letter_does(text, rtl):
    assert passages(text)[0]["rtl"] is rtl


def test_numbers_and_truth_values_reach_the_template_as_they_are(monkeypatch):
    seen = {}

    def remember(*arguments, **options):
        seen.update(json.loads(options["sys_inputs"]["facts"]))
        return b"%PDF"

    monkeypatch.setattr(typst, "compile", remember)
    assert typeset("notes.typ", {"count": 3, "whole": True, "rows": [("a", 1.5)]}, at=NOON) == b"%PDF"
    assert seen == {"count": 3, "whole": True, "rows": [["a", 1.5]], "missing_letters": False}


def test_a_text_that_never_runs_out_of_missing_letters_is_given_up(monkeypatch):
    calls = []

    def fail(*arguments, **options):
        calls.append(1)
        raise failure(f'the text `"{chr(0xA00 + len(calls))}"` could not be displayed with font `"F"`')

    monkeypatch.setattr(typst, "compile", fail)
    with pytest.raises(ReportFailed):
        typeset("notes.typ", {"text": "x"}, at=NOON)
    assert len(calls) == 8
