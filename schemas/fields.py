"""The fields of forms and API calls: what each takes, and what people are told when it is not that.

Messages name the thing in plain words, start with what to do, and never repeat what was entered.
"""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

E = TypeVar("E", bound=StrEnum)

NAME_LIMIT = 100
EMAIL_LIMIT = 254

# Overrides and isolates that make a name read as another one; joiners are left, Persian names need them.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_LINE_BREAKS = re.compile("\r\n|[\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class DateParts:
    """A date as three inputs of a form give it; JSON cannot produce one."""

    day: str
    month: str
    year: str


class Plain(fields.Field[Any], ABC):
    """A field that is required unless `optional`, and says `missing` where it is left out or null."""

    def __init__(self, missing: str, *, optional: bool = False, **more: Any) -> None:
        """Take the whole sentence shown where nothing was entered."""
        self.missing_sentence = missing
        messages = {"required": missing, "null": missing, **more.pop("error_messages", {})}
        if optional:
            more.setdefault("load_default", None)
            more.setdefault("allow_none", True)
        super().__init__(required=not optional, error_messages=messages, **more)

    @abstractmethod
    def read(self, value: Any) -> Any:
        """Return the value of what was given, None if it is blank and optional; raises ValidationError."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:  # noqa: ARG002 -- marshmallow's signature
        return self.read(value)


class Line(Plain):
    """One line of text in NFC, trimmed, 1 to `limit` characters, without control or direction characters."""

    def __init__(self, missing: str, *, what: str, limit: int, optional: bool = False) -> None:
        """Take the thing's name as a sentence begins with it, such as "Surname"."""
        super().__init__(missing, optional=optional)
        self.what = what
        self.limit = limit

    def read(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError(f"{self.what} must be text")
        text = " ".join(_line_breaks_as(" ", value).split())
        if not text:
            if self.required:
                raise ValidationError(self.missing_sentence)
            return None
        if any(unicodedata.category(character) in ("Cc", "Cs", "Co") or character in _DIRECTION for character in text):
            raise ValidationError(f"{self.what} must not contain invisible control characters. Type it again")
        text = unicodedata.normalize("NFC", text)
        if len(text) > self.limit:
            raise ValidationError(f"{self.what} must be {self.limit} characters or fewer")
        return self.judge(text)

    def judge(self, text: str) -> Any:
        """Return the value of a tidy line; raise ValidationError where it is not what the field takes."""
        return text


class Name(Line):
    """A person's name: any script, with at least one letter."""

    def __init__(self, missing: str, *, what: str, optional: bool = False) -> None:
        """Take the thing's name as a sentence begins with it."""
        super().__init__(missing, what=what, limit=NAME_LIMIT, optional=optional)

    def judge(self, text: str) -> str:
        """Refuse what has no letter in it."""
        if not any(unicodedata.category(character).startswith("L") for character in text):
            raise ValidationError(f"{self.what} must contain letters")
        return text


class Email(Line):
    """An email address, in lower case."""

    def __init__(self, missing: str = "Enter an email address", *, optional: bool = False) -> None:
        """Take another sentence where the address is somebody's in particular."""
        super().__init__(missing, what="Email address", limit=EMAIL_LIMIT, optional=optional)

    def judge(self, text: str) -> str:
        """Refuse what no mail server would take."""
        if not _EMAIL.fullmatch(text) or ".." in text:
            raise ValidationError("Enter an email address in the correct format, like name@example.com")
        return text.lower()  # not folded further: that would make plain letters of others before anybody sees them


class Text(Plain):
    """Text of several lines, 1 to `limit` characters; line ends become newlines, control characters are refused."""

    def __init__(self, missing: str, *, what: str, limit: int, optional: bool = False) -> None:
        """Take the thing's name as a sentence begins with it."""
        super().__init__(missing, optional=optional)
        self.what = what
        self.limit = limit

    def read(self, value: Any) -> str | None:
        if not isinstance(value, str):
            raise ValidationError(f"{self.what} must be text")
        text = _line_breaks_as("\n", value).strip()
        if not text:
            if self.required:
                raise ValidationError(self.missing_sentence)
            return None
        if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in text):
            raise ValidationError(f"{self.what} contains characters that cannot be shown. Paste it as plain text")
        if len(text) > self.limit:
            raise ValidationError(f"{self.what} must be {self.limit:,} characters or fewer")
        return text


class Secret(Plain):
    """A password or code exactly as typed, at most 1,024 characters; how good it is, is a rule elsewhere."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValidationError(self.missing_sentence)
        # Nobody types a thousand characters; without a bound a long text would be folded and hashed for nothing.
        if len(value) > 1024 or any(unicodedata.category(character) == "Cs" for character in value):
            raise ValidationError("That is too long, or has characters that cannot be read. Check it and try again")
        return value


class Words(Plain):
    """The words of a fingerprint as a page showed them: at most sixteen, of small letters."""

    def read(self, value: Any) -> tuple[str, ...]:
        """Refuse anything else."""
        words = tuple(value.split(" ")) if isinstance(value, str) and len(value) <= 200 else ()
        if not 1 <= len(words) <= 16 or not all(re.fullmatch("[a-z]+", word) for word in words):
            raise ValidationError(self.missing_sentence)
        return words


class Code(Plain):
    """A one-time code of six digits; spaces and hyphens do not matter."""

    def __init__(self) -> None:
        """Ask for the code of an authenticator app."""
        super().__init__("Enter the 6-digit code from your authenticator app")

    def read(self, value: Any) -> str:
        digits = re.sub(r"[\s-]", "", value) if isinstance(value, str) else ""
        if not re.fullmatch(r"[0-9]{6}", digits):
            raise ValidationError(self.missing_sentence)
        return digits


class Day(Plain):
    """A date: ISO text in the API, three inputs in a form."""

    def __init__(self, missing: str, *, what: str, optional: bool = False) -> None:
        """Take the thing's name as a sentence begins with it, such as "Leaving date"."""
        super().__init__(missing, optional=optional)
        self.what = what

    def read(self, value: Any) -> date | None:
        if isinstance(value, DateParts):
            return self._from_parts(value)
        if not isinstance(value, str) or not _ISO_DAY.fullmatch(value):
            raise ValidationError(f"{self.what} must be a date like 2026-09-03")
        return self._real(int(value[:4]), int(value[5:7]), int(value[8:]))

    def _from_parts(self, parts: DateParts) -> date | None:
        given = {"day": parts.day.strip(), "month": parts.month.strip(), "year": parts.year.strip()}
        absent = [name for name, text in given.items() if not text]
        if len(absent) == 3:
            if self.required:
                raise ValidationError(self.missing_sentence)
            return None
        if absent:
            raise ValidationError(f"{self.what} must include a {' and '.join(absent)}")
        if not re.fullmatch(r"[0-9]{4}", given["year"]):
            raise ValidationError(f"{self.what} must have a year of 4 numbers")
        month = given["month"].casefold()
        if month[:3] in _MONTHS:
            month = str(_MONTHS.index(month[:3]) + 1)
        if not re.fullmatch(r"[0-9]{1,2}", given["day"]) or not re.fullmatch(r"[0-9]{1,2}", month):
            raise ValidationError(f"{self.what} must be a real date")
        return self._real(int(given["year"]), int(month), int(given["day"]))

    def _real(self, year: int, month: int, day: int) -> date:
        try:
            found = date(year, month, day)
        except ValueError:
            raise ValidationError(f"{self.what} must be a real date") from None
        if not 1900 <= year <= 2200:
            raise ValidationError(f"{self.what} must be a date in this century or the last")
        return found


class Choice(Plain):
    """One of a closed list, by its value."""

    def __init__(
        self, choices: type[E], missing: str, *, optional: bool = False, only: frozenset[E] | None = None
    ) -> None:
        """Take the list, and with `only` the part of it that may be chosen here."""
        super().__init__(missing, optional=optional)
        self.choices = choices
        self.only: frozenset[Any] = only if only is not None else frozenset(choices)

    def read(self, value: Any) -> StrEnum:
        found = next((one for one in self.choices if one.value == value and one in self.only), None)
        if found is None:
            raise ValidationError(self.missing_sentence)
        return found


class Several(Plain):
    """One or more of a closed list, each once and in the list's order: checkboxes in a form, an array in the API."""

    def __init__(self, choices: type[E], missing: str) -> None:
        """Take the list."""
        super().__init__(missing)
        self.choices = choices

    def read(self, value: Any) -> Any:
        """Refuse an empty choice, and anything that is not in the list."""
        words = {one.value for one in self.choices}
        if not isinstance(value, list) or not value or not all(isinstance(one, str) and one in words for one in value):
            raise ValidationError(self.missing_sentence)
        return tuple(one for one in self.choices if one.value in value)


class YesNo(Plain):
    """Yes or no: a boolean in the API, the words in a form."""

    def read(self, value: Any) -> bool:
        if value is True or value in ("yes", "true"):
            return True
        if value is False or value in ("no", "false"):
            return False
        raise ValidationError(self.missing_sentence)


class Ticked(Plain):
    """A statement that must be confirmed: anything but a tick is refused with the sentence."""

    def read(self, value: Any) -> bool:
        if value is True or value in ("yes", "true", "on"):
            return True
        raise ValidationError(self.missing_sentence)


class Number(Plain):
    """A whole number within bounds."""

    def __init__(self, missing: str, *, least: int, most: int, default: int | None = None) -> None:
        """Take the bounds, both included; with `default` it may be left out."""
        if default is None:
            super().__init__(missing)
        else:
            super().__init__(missing, optional=True, load_default=default, allow_none=False)
        self.least = least
        self.most = most

    def read(self, value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise ValidationError(f"{self.missing_sentence}, from {self.least} to {self.most}")
        return value


def _line_breaks_as(replacement: str, text: str) -> str:
    """Replace every kind of line break; word processors paste vertical tabs and Unicode separators."""
    return _LINE_BREAKS.sub("\n", text).replace("\n", replacement)
