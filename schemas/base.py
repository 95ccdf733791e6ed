"""How a schema turns a form or a JSON object into one frozen value, or into a refusal that names each field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from marshmallow import RAISE, Schema, ValidationError, fields, post_load

from schemas.fields import DateParts, Day, Several
from transfer_service.domain.errors import Invalid

V = TypeVar("V")

UNKNOWN_FIELD = "This field is not known here. Remove it"
NOT_AN_OBJECT = "Send one object with the fields of this request"

# What forms carry beside their fields.
_FORM_EXTRAS = frozenset({"csrf_token"})


class ValueSchema(Schema, Generic[V]):
    """A schema that refuses unknown fields and makes a value of class `makes`."""

    makes: ClassVar[type[Any]]

    class Meta:
        """Unknown fields are errors."""

        unknown = RAISE

    error_messages: dict[str, str] = {"unknown": UNKNOWN_FIELD, "type": NOT_AN_OBJECT}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Any:
        return self.makes(**data)


@dataclass(frozen=True, slots=True)
class Nothing:
    """What an act needs beyond the address it is sent to."""


class NothingSchema(ValueSchema[Nothing]):
    """An act without fields, such as withdrawing: whatever is sent along is refused."""

    makes = Nothing


class FormData(Protocol):
    """A decoded form: what werkzeug's MultiDict offers."""

    def keys(self) -> Iterable[str]:
        """Return the names of the inputs."""

    def getlist(self, key: str) -> list[str]:
        """Return every value of one input."""


def load_value(schema: type[ValueSchema[V]], data: Any) -> V:
    """Return the value that decoded JSON stands for; raises Invalid with messages by field, nested ones with a dot."""
    try:
        return cast("V", schema().load(data))
    except ValidationError as error:
        # The library's exception holds what was entered: it must not travel on as a cause.
        problems = _flatten(error.messages)
    raise Invalid(problems)


def load_form(schema: type[ValueSchema[V]], form: FormData) -> V:
    """Return the value that a posted form stands for; raises Invalid as `load_value` does."""
    return load_value(schema, form_values(schema, form))


def form_values(schema: type[Schema], form: FormData) -> dict[str, Any]:
    """Shape a form as the schema wants it, without judging it.

    A date's three inputs `x-day`, `x-month`, `x-year` become one value; an input left empty counts as not given; of a
    repeated input the last value counts, except where the schema wants a list. The CSRF token is left out.
    """
    values: dict[str, Any] = {}
    declared = schema().fields
    dates = {name for name, field in declared.items() if isinstance(field, Day)}
    for key in form.keys():  # noqa: SIM118 -- not every form can be iterated, and a MultiDict repeats nothing here
        name, dash, part = key.rpartition("-")
        if dash and name in dates and part in ("day", "month", "year"):
            values[name] = DateParts(*((form.getlist(f"{name}-{one}") or [""])[-1] for one in ("day", "month", "year")))
        elif key not in _FORM_EXTRAS:
            given = [text for text in form.getlist(key) if text.strip()]
            if isinstance(declared.get(key), fields.List | Several):
                values[key] = given
            elif given:
                values[key] = given[-1]
            elif key not in declared:
                values[key] = ""
    return values


def _flatten(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """Turn nested messages into one level: `pupil.surname`, `notes.0.text`; the object itself has the empty name."""
    if not isinstance(messages, Mapping):
        return {prefix: [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for key, inner in messages.items():
        name = "" if key == "_schema" else str(key)
        flat.update(_flatten(inner, ".".join(part for part in (prefix, name) if part)))
    return flat
