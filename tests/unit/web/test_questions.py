"""What somebody typed before the session ended is shown as questions and answers, never as names of inputs."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from marshmallow import fields

import schemas
from schemas.base import ValueSchema
from schemas.fields import Choice, Several, Ticked, YesNo
from transfer_service.web.account.questions import QUESTIONS, UNSAID, Typed, tell_typed
from transfer_service.web.retained import SECRET_FIELD

IN_ADDRESSES = {
    "ComplianceFilterSchema",
    "SchoolFilterSchema",
    "AuditPageQuerySchema",
    "FindSchoolSchema",
    "FindTransferSchema",
}
"""What is asked for by an address is in no form that could come too late."""


def asked() -> Iterator[tuple[str, str, fields.Field]]:
    """Each input of each form of the service: its schema, its name, and what it takes."""
    for module in pkgutil.iter_modules(schemas.__path__):
        found = importlib.import_module(f"schemas.{module.name}")
        for name, one in vars(found).items():
            is_form = isinstance(one, type) and issubclass(one, ValueSchema) and one.__module__ == found.__name__
            if is_form and one is not ValueSchema and name not in IN_ADDRESSES:
                yield from ((name, field_name, field) for field_name, field in one().fields.items())


@pytest.mark.parametrize(("schema", "name"), [(schema, name) for schema, name, _ in asked()])
def test_every_input_that_can_come_back_has_its_question(schema: str, name: str):
    assert name in QUESTIONS or name in UNSAID or SECRET_FIELD.search(name) or is_of_a_secret_form(schema)


def is_of_a_secret_form(schema: str) -> bool:
    """A form with a password or a code is never kept, so that none of it is shown again."""
    return any(one == schema and SECRET_FIELD.search(name) for one, name, _ in asked())


def choices() -> list[tuple[str, str]]:
    """Each value that can be chosen, with the name of its input, in an order that is the same in every process."""
    return sorted(
        {
            (name, value.value)
            for schema, name, field in asked()
            if isinstance(field, Choice | Several) and not is_of_a_secret_form(schema) and name != "event"
            for value in getattr(field, "only", field.choices)
        }
    )


@pytest.mark.parametrize(("name", "value"), choices())
def test_every_choice_is_told_in_words(name: str, value: str):
    beside = [("closed_on-day", "1"), ("closed_on-month", "9"), ("closed_on-year", "2026")]
    told = {
        word
        for given in ([(name, value)], [(name, value), *beside])
        for one in tell_typed(given)
        for word in one.answers
    }
    assert any(word != value for word in told - {"1 September 2026"}), (name, value)


@pytest.mark.parametrize(
    "name", sorted({name for _, name, field in asked() if isinstance(field, Ticked | YesNo) and name != "trust_device"})
)
def test_what_is_ticked_is_told_as_yes(name: str):
    if not SECRET_FIELD.search(name) and name in QUESTIONS:
        assert set(QUESTIONS[name].choices) == {"yes", "no"}


def test_a_note_is_told_question_by_question_in_its_order():
    typed = [
        ("revision", "0"),
        ("category", "early_help"),
        ("dated_on-day", "3"),
        ("dated_on-month", "9"),
        ("dated_on-year", "2026"),
        ("text", "Came in without a coat.\r\nTold the office."),
        ("why_shared", "safeguard_child"),
        ("why_shared", "support_in_place"),
        ("why_shared_words", ""),
    ]
    assert tell_typed(typed) == [
        Typed("What the note is about", ("Early help (CAF)",)),
        Typed("Date of the note", ("3 September 2026",)),
        Typed("Note", ("Came in without a coat.\r\nTold the office.",)),
        Typed(
            "Why it is shared",
            ("The new school needs it to keep the pupil safe", "So that support is ready on the first day"),
        ),
    ]


def test_a_date_that_is_none_is_shown_as_it_was_typed():
    typed = [("leaving_on-day", "31"), ("leaving_on-month", "Feb"), ("leaving_on-year", "2026")]
    assert tell_typed(typed) == [Typed("Leaving date", ("31 Feb 2026",))]


def test_a_date_that_was_left_empty_is_not_told():
    assert tell_typed([("starts_on-day", ""), ("starts_on-month", ""), ("starts_on-year", "")]) == []


def test_the_day_of_a_button_is_told_as_a_date():
    assert tell_typed([("closed_on", "2026-09-03")]) == [Typed("Day", ("3 September 2026",))]
    assert tell_typed([("day", "soon")]) == [Typed("Day", ("soon",))]


def test_why_a_school_is_closed_is_not_taken_for_a_kind_of_move():
    day = [("closed_on-day", "1"), ("closed_on-month", "9"), ("closed_on-year", "2026")]
    assert tell_typed([*day, ("kind", "inset")])[1] == Typed("Why it is closed", ("INSET day",))
    assert tell_typed([("kind", "in_year")]) == [Typed("What kind of move it is", ("In-year move",))]


def test_an_input_that_is_not_known_is_shown_by_its_name_in_plain_letters():
    assert tell_typed([("colour_of_coat", "dark_blue")]) == [Typed("Colour of coat", ("dark_blue",))]
