"""A form that is not right comes back with what was typed and what is wrong with it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marshmallow import fields
from werkzeug.datastructures import MultiDict

from schemas.base import ValueSchema
from schemas.fields import Day, Line, Secret
from transfer_service.web.forms import Form, filled, items_of, submit


@dataclass(frozen=True)
class Move:
    surname: str
    leaving_on: date
    reasons: list[str]
    password: str


class MoveSchema(ValueSchema[Move]):
    makes = Move

    surname = Line("Enter the pupil’s surname", what="Surname", limit=100)
    leaving_on = Day("Enter the leaving date", what="Leaving date")
    reasons = fields.List(fields.String(), load_default=list)
    password = Secret("Enter your password")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


RIGHT = MultiDict(
    [
        ("csrf_token", "x"),
        ("surname", " O’Neill "),
        ("leaving_on-day", "3"),
        ("leaving_on-month", "9"),
        ("leaving_on-year", "2026"),
        ("reasons", "a"),
        ("reasons", "b"),
        ("password", "hunter2"),
    ]
)


def test_a_right_form_gives_its_value() -> None:
    submitted = submit(MoveSchema, RIGHT)

    assert submitted.value == Move("O’Neill", date(2026, 9, 3), ["a", "b"], "hunter2")
    assert submitted.form.errors == {}


def test_a_wrong_form_keeps_what_was_typed_and_tells_each_field_its_error() -> None:
    wrong = RIGHT.copy()
    wrong["surname"] = ""
    wrong["leaving_on-month"] = "13"

    submitted = submit(MoveSchema, wrong)

    assert submitted.value is None
    assert submitted.form.error("surname") == "Enter the pupil’s surname"
    assert submitted.form.error("leaving_on") == "Leaving date must be a real date"
    assert submitted.form.error("reasons") == ""
    assert submitted.form.value("leaving_on-month") == "13"
    assert submitted.form.chosen("reasons", "b")
    assert submitted.form.summary == [
        {"text": "Enter the pupil’s surname", "href": "#surname"},
        {"text": "Leaving date must be a real date", "href": "#leaving_on-day"},
    ]


def test_a_control_character_is_refused_and_not_shown_again() -> None:
    odd = RIGHT.copy()
    odd["surname"] = "O\x00\x0b’Ne\x1bill\x85"

    submitted = submit(MoveSchema, odd)

    assert submitted.value is None
    assert submitted.form.value("surname") == "O’Neill"


def test_a_field_that_nobody_asked_for_is_an_error() -> None:
    more = RIGHT.copy()
    more["is_admin"] = "yes"

    assert submit(MoveSchema, more).form.error("is_admin") == "This field is not known here. Remove it"


def test_passwords_and_codes_are_never_given_back() -> None:
    form = submit(MoveSchema, RIGHT).form

    assert form.value("password") == ""
    assert "csrf_token" not in form.values


def test_a_refusal_of_the_use_case_joins_the_schemas_errors() -> None:
    form = Form(values={"surname": ("x",)}, errors={"surname": ("Too short",)})

    joined = form.with_errors({"surname": ["Not in the register"], "": ["Nothing was changed"]})

    assert joined.errors == {"surname": ("Too short", "Not in the register"), "": ("Nothing was changed",)}
    assert joined.summary[-1] == {"text": "Nothing was changed", "href": "#main-content"}
    assert form.errors == {"surname": ("Too short",)}


def test_a_form_shows_what_is_known_already() -> None:
    form = filled({"surname": "Ó", "leaving_on": date(2026, 9, 3), "urgent": True, "colour": Colour.RED, "none": None})

    assert form.value("surname") == "Ó"
    assert [form.value(f"leaving_on-{part}") for part in ("day", "month", "year")] == ["3", "9", "2026"]
    assert form.chosen("urgent", "yes")
    assert form.chosen("colour", "red")
    assert form.value("none") == ""
    assert filled({"colours": [Colour.RED, Colour.BLUE]}).values == {"colours": ("red", "blue")}


def test_options_become_items_with_the_chosen_one_marked() -> None:
    form = filled({"colour": Colour.BLUE})

    assert items_of(form, "colour", [(Colour.RED, "Red"), {"value": "blue", "text": "Blue", "hint": "As the sky"}]) == [
        {"value": "red", "text": "Red", "checked": False},
        {"value": "blue", "text": "Blue", "checked": True, "hint": {"text": "As the sky"}},
    ]
