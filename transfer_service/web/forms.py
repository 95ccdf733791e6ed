"""From a posted form to a plain value or to the same form again, with what was typed and what is wrong with it.

    submitted = submit(NoteEnteredSchema, request.form)
    if submitted.value is None:
        return refused("school/note.html", submitted.form)
    write_note(…, note=submitted.value)
    return redirect(…, 303)

A use case may refuse what the schema let through: `submitted.form.with_errors(refusal.fields)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar

from flask import render_template

from schemas.base import FormData, ValueSchema, load_form
from transfer_service.domain.errors import Invalid
from transfer_service.web.retained import SECRET_FIELD

V = TypeVar("V")
_NOT_IN_HTML: Final = dict.fromkeys([*range(9), 11, *range(14, 32), *range(127, 160)])
"""Control characters that no page may hold: they are refused, and not shown again in the form that says so."""


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in a form's inputs, and what is wrong with it: `errors` maps a field's name to its messages."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """The text of one input; empty where there is none."""
        given = self.values.get(name, ())
        return given[-1] if given else ""

    def chosen(self, name: str, value: str) -> bool:
        """Whether a radio button or checkbox is chosen."""
        return value in self.values.get(name, ())

    def error(self, name: str) -> str:
        """The first message about a field; empty where there is none."""
        messages = self.errors.get(name, ())
        return messages[0] if messages else ""

    @property
    def summary(self) -> list[dict[str, str]]:
        """Every message with the address of its input, in the shape of the error summary."""
        return [
            {"text": message, "href": f"#{self.anchor(name)}"}
            for name, messages in self.errors.items()
            for message in messages
        ]

    def anchor(self, name: str) -> str:
        """The id of the input that a message about `name` leads to: a date's day, else the field's own."""
        if not name:
            return "main-content"
        return f"{name}-day" if f"{name}-day" in self.values else name

    def with_errors(self, errors: Mapping[str, Iterable[str]]) -> Form:
        """The same form with more messages, after those that it has."""
        merged = dict(self.errors)
        for name, messages in errors.items():
            merged[name] = (*merged.get(name, ()), *messages)
        return replace(self, errors=merged)


@dataclass(frozen=True, slots=True)
class Submitted(Generic[V]):
    """A posted form: its value where it is right, else None and the form with its errors."""

    value: V | None
    form: Form


def submit(schema: type[ValueSchema[V]], data: FormData) -> Submitted[V]:
    """Load a posted form by a schema; unknown fields are errors."""
    names = [name for name in data.keys() if _may_return(name)]  # noqa: SIM118
    form = Form(values={name: tuple(text.translate(_NOT_IN_HTML) for text in data.getlist(name)) for name in names})
    try:
        return Submitted(load_form(schema, data), form)
    except Invalid as refusal:
        return Submitted(None, form.with_errors(refusal.fields))


def filled(values: Mapping[str, Any]) -> Form:
    """A form that shows what is known already: texts, dates (in three inputs), choices, lists, yes and no."""
    shown: dict[str, tuple[str, ...]] = {}
    for name, value in values.items():
        if isinstance(value, date):
            for part in ("day", "month", "year"):
                shown[f"{name}-{part}"] = (str(getattr(value, part)),)
        elif value is not None:
            shown[name] = _texts(value)
    return Form(values=shown)


def items_of(form: Form, name: str, options: Iterable[Any]) -> list[dict[str, Any]]:
    """The items of radios, checkboxes or a list, for the macros: from (value, text) pairs or dicts with a hint."""
    items: list[dict[str, Any]] = []
    for option in options:
        given = dict(option) if isinstance(option, Mapping) else {"value": option[0], "text": option[1]}
        value = given["value"].value if isinstance(given["value"], StrEnum) else str(given["value"])
        item: dict[str, Any] = {"value": value, "text": given["text"], "checked": form.chosen(name, value)}
        if given.get("hint"):
            item["hint"] = {"text": given["hint"]}
        items.append(item)
    return items


def refused(template: str, form: Form, **context: Any) -> tuple[str, int]:
    """The page again with its errors, as status 422."""
    return render_template(template, form=form, **context), HTTPStatus.UNPROCESSABLE_ENTITY


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(text for part in value for text in _texts(part))
    return (value.value if isinstance(value, StrEnum) else str(value),)


def _may_return(name: str) -> bool:
    """Passwords and codes are typed again; the token is made anew."""
    return name != "csrf_token" and not SECRET_FIELD.search(name)
