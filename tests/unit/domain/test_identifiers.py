import json
from pathlib import Path

import pytest

from transfer_service.domain.identifiers import (
    LA_CODES,
    UPN_PROBLEM_SENTENCES,
    UPN_WARNING_SENTENCES,
    LaEstab,
    UpnProblem,
    UpnVerdict,
    UpnWarning,
    judge_upn,
    parse_la_code,
    parse_laestab,
    parse_urn,
    tidy_upn,
    upn_check_letter,
)

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "upn" / "upn_vectors.json"


def published():
    if not VECTORS.exists():
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="the published UPNs are not here"))]
    return [pytest.param(one, id=one["upn"]) for one in json.loads(VECTORS.read_text())["vectors"]]


def is_right(verdict: UpnVerdict) -> bool:
    """Whether shape and check letter are right; an unknown authority and a temporary UPN count for nothing."""
    return verdict.is_usable and UpnWarning.CHECK_LETTER not in verdict.warnings


@pytest.mark.parametrize("vector", published())
def test_the_published_upns_are_judged_as_published(vector):
    assert is_right(judge_upn(vector["upn"])) is vector["valid"]


@pytest.mark.parametrize("upn", ["H801200001001", "B801200005001", "A203202811068", "R201100018042"])
def test_a_right_upn_has_nothing_against_it(upn):
    assert judge_upn(upn) == UpnVerdict(upn, (), ())


@pytest.mark.parametrize("upn", ["G80120000101A", "T20110001804V"])
def test_a_temporary_upn_is_valid_and_said_to_be_temporary(upn):
    verdict = judge_upn(upn)
    assert verdict.is_usable
    assert verdict.warnings == (UpnWarning.TEMPORARY,)


@pytest.mark.parametrize("upn, right", [("Z801200001001", "H"), ("Q207000016049", "P")])
def test_a_wrong_letter_is_a_warning_that_a_person_may_overrule(upn, right):
    verdict = judge_upn(upn)
    assert verdict.is_usable
    assert verdict.warnings == (UpnWarning.CHECK_LETTER,)
    assert upn_check_letter(upn) == right


def test_an_unknown_authority_is_a_warning_and_the_upn_stays_valid():
    # Sum of position × value over 9 9 9 2 0 2 8 1 1 0 6 8 is 364, which leaves 19 modulo 23: W.
    verdict = judge_upn("W999202811068")
    assert verdict.is_usable
    assert verdict.warnings == (UpnWarning.UNKNOWN_AUTHORITY,)


@pytest.mark.parametrize(
    "code", ["937", "331", "838", "839", "840", "940", "941", "942", "943", "201", "672", "702", "820", "875", "909"]
)
def test_authorities_old_and_new_are_known(code):
    assert code in LA_CODES


@pytest.mark.parametrize("code", ["000", "999", "100", "214", "944"])
def test_what_never_was_an_authority_is_not_known(code):
    assert code not in LA_CODES


@pytest.mark.parametrize(
    "typed", ["h801200001001", " H801 2000 01001 ", "H801200001001\n", "\u200bH801200001001\ufeff", "h801\t200001001"]
)
def test_case_and_spaces_are_tidied(typed):
    assert tidy_upn(typed) == "H801200001001"
    assert judge_upn(typed) == UpnVerdict("H801200001001", (), ())


@pytest.mark.parametrize(
    "text, problems",
    [
        ("", "empty"),
        ("   ", "empty"),
        ("H80120000100", "length last_character"),
        ("H8012000010011", "length"),
        ("I801200001001", "first_letter"),
        ("O801200001001", "first_letter"),
        ("S801200001001", "first_letter"),
        ("8801200001001", "first_letter"),
        ("H8O1200001001", "middle_digits"),
        ("H80120000100I", "last_character"),
        ("H80120000100?", "last_character"),
        ("BADCODE", "length middle_digits last_character"),
        ("H80120000100\u0661", "last_character"),  # an Arabic digit is a digit to Python, not in a UPN
        ("H80\u0661200001001", "middle_digits"),
    ],
)
def test_every_fault_of_shape_is_named(text, problems):
    verdict = judge_upn(text)
    assert " ".join(verdict.problems) == problems
    assert not verdict.is_usable
    assert verdict.warnings == ()


def test_every_fault_and_warning_has_a_sentence():
    assert set(UPN_PROBLEM_SENTENCES) == set(UpnProblem)
    assert set(UPN_WARNING_SENTENCES) == set(UpnWarning)


def test_a_verdict_never_shows_the_upn():
    assert "H801200001001" not in repr(judge_upn("H801200001001"))


@pytest.mark.parametrize(
    "text, urn",
    [
        ("125500", "125500"),
        (" 125 500 ", "125500"),
        ("12550", None),
        ("1255001", None),
        ("025500", None),
        ("12550A", None),
        ("", None),
        ("\u0661\u0662\u0665\u0665\u0660\u0660", None),
    ],
)
def test_a_urn_is_six_digits(text, urn):
    assert parse_urn(text) == urn


@pytest.mark.parametrize("text", ["937/2001", "9372001", "937-2001", " 937 2001 "])
def test_a_dfe_number_is_read_as_schools_write_it(text):
    found = parse_laestab(text)
    assert found == LaEstab("937", "2001")
    assert str(found) == "937/2001"


@pytest.mark.parametrize("text", ["937", "937/20011", "93/2001", "937//2001", "LLLL", ""])
def test_what_is_no_dfe_number_is_none(text):
    assert parse_laestab(text) is None


@pytest.mark.parametrize("text, code", [("937", "937"), (" 331 ", "331"), ("93", None), ("9370", None), ("abc", None)])
def test_an_authoritys_code_is_three_digits(text, code):
    assert parse_la_code(text) == code
