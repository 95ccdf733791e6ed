"""What each kind of field takes and what it says otherwise, without ever repeating what was entered."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from schemas.base import ValueSchema, load_value
from schemas.fields import (
    Choice,
    Code,
    DateParts,
    Day,
    Email,
    Line,
    Name,
    Number,
    Secret,
    Text,
    Ticked,
    YesNo,
)
from schemas.identifiers import Upn, Urn
from transfer_service.domain.errors import Invalid
from transfer_service.domain.transfer import Status


@dataclass(frozen=True)
class One:
    value: Any


def load(field, *given):
    class OneSchema(ValueSchema[One]):
        makes = One
        value = field

    return load_value(OneSchema, {"value": given[0]} if given else {}).value


def refusal(field, *given):
    with pytest.raises(Invalid) as refused:
        load(field, *given)
    assert list(refused.value.fields) == ["value"]
    return list(refused.value.fields["value"])


SURNAME = {"missing": "Enter the pupil’s surname", "what": "Surname"}


@pytest.mark.parametrize(
    "name",
    [
        "O'Neill",
        "O’Neill",
        "Smith-Jones",
        "de la Cruz",
        "Nuñez",
        "Ødegård",
        "李",
        "ישראל",
        "محمد",
        "می\u200cخواهم",  # Persian needs its joiners
        "Ng",
        "X",
        "Mary-Ann 2nd",
        "a" * 100,
    ],
)
def test_names_of_every_script_pass_as_they_are(name):
    assert load(Name(**SURNAME), name) == name


@pytest.mark.parametrize(
    "typed, tidy",
    [("  Ann   Lee ", "Ann Lee"), ("Zoe\u0308", "Zo\u00eb"), ("Ann\nLee", "Ann Lee"), ("Ann\u00a0Lee", "Ann Lee")],
)
def test_names_are_trimmed_and_composed(typed, tidy):
    assert load(Name(**SURNAME), typed) == tidy


@pytest.mark.parametrize(
    "typed, message",
    [
        ("", "Enter the pupil’s surname"),
        ("   ", "Enter the pupil’s surname"),
        (None, "Enter the pupil’s surname"),
        (7, "Surname must be text"),
        (["Ann"], "Surname must be text"),
        ("a" * 101, "Surname must be 100 characters or fewer"),
        ("123", "Surname must contain letters"),
        ("--", "Surname must contain letters"),
        ("Ann\x00", "Surname must not contain invisible control characters. Type it again"),
        ("Ann\x1b[2J", "Surname must not contain invisible control characters. Type it again"),
        ("Ann\u202enna", "Surname must not contain invisible control characters. Type it again"),
        ("Ann\u2066x", "Surname must not contain invisible control characters. Type it again"),
        ("Ann\ud800", "Surname must not contain invisible control characters. Type it again"),
        ("Ann\ue000", "Surname must not contain invisible control characters. Type it again"),
    ],
)
def test_what_is_no_name_is_refused(typed, message):
    assert refusal(Name(**SURNAME), typed) == [message]


def test_a_field_left_out_is_asked_for():
    assert refusal(Name(**SURNAME)) == ["Enter the pupil’s surname"]


def test_an_optional_line_may_be_left_out_blank_or_null():
    line = {"missing": "x", "what": "Reference", "limit": 5, "optional": True}
    assert load(Line(**line)) is None
    assert load(Line(**line), None) is None
    assert load(Line(**line), "  ") is None
    assert load(Line(**line), "abc") == "abc"


@pytest.mark.parametrize(
    "typed, tidy",
    [
        ("Ann.Lee@Example.org", "ann.lee@example.org"),
        (" dsl@oak-school.sch.uk ", "dsl@oak-school.sch.uk"),
        ("o'neill+dsl@example.com", "o'neill+dsl@example.com"),
    ],
)
def test_an_address_is_put_in_lower_case(typed, tidy):
    assert load(Email(), typed) == tidy


@pytest.mark.parametrize(
    "typed",
    [
        "ann",
        "ann@",
        "@example.org",
        "ann@example",
        "ann lee@example.org",
        "ann@@example.org",
        "a@ex..org",
        "a..b@example.org",
        "a@-example.org",
        "Ann <ann@example.org>",
        "ann@example.org,bob@example.org",
        "ann@example.o",
    ],
)
def test_what_is_no_address_is_refused(typed):
    assert refusal(Email(), typed) == ["Enter an email address in the correct format, like name@example.com"]


def test_letters_beyond_english_are_left_for_whoever_judges_them():
    assert load(Email(), "WEI\u00df@example.org") == "wei\u00df@example.org"


def test_an_address_has_a_length():
    assert refusal(Email(), "a" * 250 + "@example.org") == ["Email address must be 254 characters or fewer"]


NOTE = {"missing": "Enter the note", "what": "Note", "limit": 20}


@pytest.mark.parametrize(
    "typed, tidy",
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("soft\x0bbreak\u2028line", "soft\nbreak\nline"),
        ("\ttabbed\n", "tabbed"),
        ("a\tb", "a\tb"),
        ("\u202bعربي\u202c", "\u202bعربي\u202c"),
        ("x" * 20, "x" * 20),
    ],
)
def test_text_keeps_its_lines_and_its_direction(typed, tidy):
    assert load(Text(**NOTE), typed) == tidy


@pytest.mark.parametrize(
    "typed, message",
    [
        ("", "Enter the note"),
        (" \n ", "Enter the note"),
        (5, "Note must be text"),
        ("x" * 21, "Note must be 20 characters or fewer"),
        ("a\x00b", "Note contains characters that cannot be shown. Paste it as plain text"),
        ("a\ud83d", "Note contains characters that cannot be shown. Paste it as plain text"),
    ],
)
def test_what_is_no_text_is_refused(typed, message):
    assert refusal(Text(**NOTE), typed) == [message]


def test_large_limits_are_said_with_a_comma():
    long = Text("x", what="Note", limit=50_000)
    assert refusal(long, "x" * 50_001) == ["Note must be 50,000 characters or fewer"]


def test_optional_text_may_be_blank():
    assert load(Text(**NOTE, optional=True), "\n") is None


def test_a_secret_is_taken_exactly_as_typed():
    assert load(Secret("Enter your password"), "  spaces count  ") == "  spaces count  "


@pytest.mark.parametrize(
    "typed, message",
    [
        ("", "Enter your password"),
        (12345678, "Enter your password"),
        ("x" * 1025, "That is too long, or has characters that cannot be read. Check it and try again"),
        ("x\udfff", "That is too long, or has characters that cannot be read. Check it and try again"),
    ],
)
def test_what_is_no_secret_is_refused(typed, message):
    assert refusal(Secret("Enter your password"), typed) == [message]


@pytest.mark.parametrize("typed", ["123456", "123 456", " 123-456 "])
def test_a_one_time_code_is_six_digits(typed):
    assert load(Code(), typed) == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", 123456, "\u0661\u0662\u0663\u0664\u0665\u0666"])
def test_what_is_no_one_time_code_is_refused(typed):
    assert refusal(Code(), typed) == ["Enter the 6-digit code from your authenticator app"]


LEAVING = {"missing": "Enter the pupil’s leaving date", "what": "Leaving date"}


@pytest.mark.parametrize(
    "given",
    [
        "2026-09-03",
        DateParts("3", "9", "2026"),
        DateParts("03", "09", "2026"),
        DateParts(" 3 ", "September", " 2026 "),
        DateParts("3", "sep", "2026"),
        DateParts("3", "SEPT", "2026"),
    ],
)
def test_a_date_comes_as_iso_text_or_in_three_inputs(given):
    assert load(Day(**LEAVING), given) == date(2026, 9, 3)


@pytest.mark.parametrize(
    "given, message",
    [
        (DateParts("", "", ""), "Enter the pupil’s leaving date"),
        (DateParts("", "9", "2026"), "Leaving date must include a day"),
        (DateParts("3", "", "2026"), "Leaving date must include a month"),
        (DateParts("", " ", "2026"), "Leaving date must include a day and month"),
        (DateParts("3", "9", "26"), "Leaving date must have a year of 4 numbers"),
        (DateParts("31", "2", "2026"), "Leaving date must be a real date"),
        (DateParts("0", "2", "2026"), "Leaving date must be a real date"),
        (DateParts("three", "2", "2026"), "Leaving date must be a real date"),
        (DateParts("3", "13", "2026"), "Leaving date must be a real date"),
        (DateParts("3", "x", "2026"), "Leaving date must be a real date"),
        (DateParts("3", "2", "1850"), "Leaving date must be a date in this century or the last"),
        ("2026-02-30", "Leaving date must be a real date"),
        ("20260903", "Leaving date must be a date like 2026-09-03"),
        ("2026-W36-4", "Leaving date must be a date like 2026-09-03"),
        ("03/09/2026", "Leaving date must be a date like 2026-09-03"),
        ("2026-09-03T00:00:00", "Leaving date must be a date like 2026-09-03"),
        (20260903, "Leaving date must be a date like 2026-09-03"),
        ({"day": 3}, "Leaving date must be a date like 2026-09-03"),
        (None, "Enter the pupil’s leaving date"),
    ],
)
def test_what_is_no_date_is_refused(given, message):
    assert refusal(Day(**LEAVING), given) == [message]


def test_an_optional_date_may_be_left_empty_but_not_half_given():
    optional = {**LEAVING, "optional": True}
    assert load(Day(**optional)) is None
    assert load(Day(**optional), DateParts("", "", "")) is None
    assert refusal(Day(**optional), DateParts("3", "", "")) == ["Leaving date must include a month and year"]


def test_one_of_a_closed_list_is_chosen_by_its_value():
    assert load(Choice(Status, "Choose a status"), "sent") is Status.SENT


@pytest.mark.parametrize("given", ["SENT", "posted", "", 1, None, ["sent"], {"sent": 1}])
def test_what_is_not_in_the_list_is_refused(given):
    assert refusal(Choice(Status, "Choose a status"), given) == ["Choose a status"]


def test_only_a_part_of_a_list_may_be_offered():
    some = Choice(Status, "Choose a status", only=frozenset({Status.DRAFT}))
    assert load(some, "draft") is Status.DRAFT
    assert refusal(some, "sent") == ["Choose a status"]


@pytest.mark.parametrize("given, expected", [(True, True), ("yes", True), (False, False), ("no", False)])
def test_yes_and_no_are_booleans_or_words(given, expected):
    assert load(YesNo("Choose yes or no"), given) is expected


@pytest.mark.parametrize("given", [1, 0, "on", "maybe", None, []])
def test_what_is_neither_yes_nor_no_is_refused(given):
    assert refusal(YesNo("Choose yes or no"), given) == ["Choose yes or no"]


@pytest.mark.parametrize("given", [True, "yes", "on", "true"])
def test_a_ticked_box_is_a_tick(given):
    assert load(Ticked("Confirm it"), given) is True


@pytest.mark.parametrize("given", [False, "no", "off", 1, None, "false"])
def test_anything_but_a_tick_is_refused(given):
    assert refusal(Ticked("Confirm it"), given) == ["Confirm it"]


@pytest.mark.parametrize("given, number", [(1, 1), (60, 60), ("7", 7), (" 7 ", 7)])
def test_a_number_is_whole_and_within_bounds(given, number):
    assert load(Number("Enter the days", least=1, most=60), given) == number


@pytest.mark.parametrize("given", [0, 61, "x", "1.5", 1.0, True, "-1", "9" * 30])
def test_what_is_no_such_number_is_refused(given):
    assert refusal(Number("Enter the days", least=1, most=60), given) == ["Enter the days, from 1 to 60"]


def test_a_number_with_a_default_may_be_left_out():
    assert load(Number("Enter the days", least=1, most=60, default=50)) == 50
    assert refusal(Number("Enter the days", least=1, most=60)) == ["Enter the days"]


def test_a_school_is_named_by_its_urn():
    assert load(Urn(), " 125500 ") == "125500"
    assert refusal(Urn(), "Oak School") == ["A school’s URN has 6 numbers. Search for the school by name, town or URN"]
    assert refusal(Urn("Choose the receiving school")) == ["Choose the receiving school"]


def test_a_upn_is_tidied_and_may_be_left_out():
    assert load(Upn(), "h801 2000 01001") == "H801200001001"
    assert load(Upn()) is None
    assert load(Upn(), "") is None


def test_a_wrong_check_letter_is_for_a_person_to_decide():
    assert load(Upn(), "Z801200001001") == "Z801200001001"


def test_a_broken_upn_is_refused_without_being_repeated():
    messages = refusal(Upn(), "S80120000100")
    assert messages == [
        "A UPN has 13 characters. Check that none is missing or doubled",
        "A UPN starts with a letter that is not I, O or S",
        "A UPN ends in a number, or for a temporary UPN in a letter that is not I, O or S",
    ]
