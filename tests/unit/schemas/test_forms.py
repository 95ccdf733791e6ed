"""One contract for forms and JSON: how a form is shaped before the schema judges it."""

from dataclasses import dataclass
from datetime import date

import pytest
from marshmallow import fields
from werkzeug.datastructures import MultiDict

from schemas.accounts import SignInSchema
from schemas.base import NOT_AN_OBJECT, UNKNOWN_FIELD, ValueSchema, form_values, load_form, load_value
from schemas.fields import DateParts
from schemas.school_pages import NilsReadSchema
from schemas.transfers import Move, MoveSchema, PupilSchema
from transfer_service.domain.errors import Invalid
from transfer_service.domain.transfer import TransferKind

MOVE = {
    "kind": "in_year",
    "leaving_on-day": "11",
    "leaving_on-month": "9",
    "leaving_on-year": "2026",
    "starts_on-day": "",
    "starts_on-month": "",
    "starts_on-year": "",
    "csrf_token": "abc",
}


def problems(schema, given):
    with pytest.raises(Invalid) as refused:
        load_value(schema, given)
    return {name: list(messages) for name, messages in refused.value.fields.items()}


def test_a_form_and_json_give_the_same_value():
    from_form = load_form(MoveSchema, MultiDict(MOVE))
    assert from_form == load_value(MoveSchema, {"kind": "in_year", "leaving_on": "2026-09-11"})
    assert from_form == Move(TransferKind.IN_YEAR, date(2026, 9, 11))


def test_three_inputs_become_one_date():
    values = form_values(MoveSchema, MultiDict(MOVE))
    assert values == {
        "kind": "in_year",
        "leaving_on": DateParts("11", "9", "2026"),
        "starts_on": DateParts("", "", ""),
    }


def test_a_date_with_inputs_missing_from_the_form_is_half_given():
    with pytest.raises(Invalid) as refused:
        load_form(MoveSchema, MultiDict({"kind": "in_year", "leaving_on-day": "3"}))
    assert dict(refused.value.fields) == {"leaving_on": ("Leaving date must include a month and year",)}


def test_an_empty_input_counts_as_not_given():
    with pytest.raises(Invalid) as refused:
        load_form(SignInSchema, MultiDict({"email": " ", "password": ""}))
    assert dict(refused.value.fields) == {
        "email": ("Enter your email address",),
        "password": ("Enter your password",),
    }


def test_the_last_of_a_repeated_input_counts():
    form = MultiDict([("forename", "Ann"), ("forename", "Zoe"), ("surname", "Lee"), ("upn_confirmed", "no")])
    form.add("upn_confirmed", "yes")
    assert form_values(PupilSchema, form) == {"forename": "Zoe", "surname": "Lee", "upn_confirmed": "yes"}


def test_a_list_keeps_every_value():
    form = MultiDict([("references", "PT-0000-0150"), ("references", "PT-0000-0011"), ("confirmed", "on")])
    form.add("statement_version", "nil-ack/1")
    assert load_form(NilsReadSchema, form).references == ("PT-0000-0150", "PT-0000-0011")


@pytest.mark.parametrize("given", ["x", ""])
def test_an_unknown_input_is_refused_even_if_empty(given):
    with pytest.raises(Invalid) as refused:
        load_form(SignInSchema, MultiDict({"email": "a@example.org", "password": "x", "is_admin": given}))
    assert dict(refused.value.fields) == {"is_admin": (UNKNOWN_FIELD,)}


def test_an_input_that_only_looks_like_a_dates_is_unknown():
    with pytest.raises(Invalid) as refused:
        load_form(SignInSchema, MultiDict({"email": "a@example.org", "password": "x", "leaving_on-day": "1"}))
    assert dict(refused.value.fields) == {"leaving_on-day": (UNKNOWN_FIELD,)}


@pytest.mark.parametrize("given", [None, [], "text", 7])
def test_what_is_no_object_is_refused(given):
    assert problems(SignInSchema, given) == {"": [NOT_AN_OBJECT]}


@dataclass(frozen=True, slots=True)
class Household:
    move: Move
    children: tuple[str, ...]


class HouseholdSchema(ValueSchema[Household]):
    makes = Household
    move = fields.Nested(MoveSchema, required=True)
    children = fields.List(fields.String(), required=True)


def test_nested_problems_are_named_with_a_dot():
    given = {"move": {"kind": "moon", "leaving_on": "2026-09-11", "age": 11}, "children": ["Ann", None]}
    assert problems(HouseholdSchema, given) == {
        "children.1": ["Field may not be null."],
        "move.age": [UNKNOWN_FIELD],
        "move.kind": ["Choose what kind of move it is"],
    }


@pytest.mark.parametrize("move", [None, [], "2026-09-11"])
def test_a_nested_object_must_be_one(move):
    assert list(problems(HouseholdSchema, {"move": move, "children": []})) == ["move"]


def test_a_refusal_carries_no_trace_of_what_was_entered():
    with pytest.raises(Invalid) as refused:
        load_value(PupilSchema, {"forename": "Ann\x00Secretname", "surname": 5, "date_of_birth": "Secretname"})
    shown = refused.value
    assert "Secretname" not in f"{shown!r} {shown.fields} {shown.__cause__!r} {shown.__context__!r}"
