"""Turn facts into a tagged PDF that reads aloud well (PDF/UA-1) and keeps (PDF/A-3a).

Facts reach the template as JSON and are never read as markup. Two families of letters travel with the typesetter;
letters that neither they nor the machine's fonts have are shown by their Unicode numbers, so that a name in a rare
script never stops a file from being printed.
"""

import functools
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst

from transfer_service.domain.errors import ServiceError

TEMPLATES = Path(__file__).parent / "templates"

_ROUNDS = 8
_UNPRINTABLE = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")


class ReportFailed(ServiceError):
    """The PDF could not be made; nothing of its contents is repeated."""

    def __init__(self, template: str) -> None:
        super().__init__(
            "The PDF could not be made. Nothing was lost: the contents can still be read on the page. Try again, and "
            "tell the administrator if it happens twice."
        )
        self.template = template


def typeset(template: str, facts: Mapping[str, Any], *, at: datetime, embedded: str = "") -> bytes:
    """Make the PDF of a template (`receipt.typ`) from plain facts: texts, numbers, lists and mappings of them.

    `embedded` reaches the template beside the facts exactly as it is, for a file that the PDF carries within itself.
    `at` is the moment that the PDF names as its making (aware); the same facts at the same moment make the same bytes
    on the same machine. Raises ReportFailed, which holds none of the facts.
    """
    missing: set[str] = set()
    for _ in range(_ROUNDS):
        known = frozenset(missing)
        prepared = {**_prepare(facts, known), "missing_letters": bool(known)}
        made = _compile(template, prepared, at, embedded)
        if isinstance(made, bytes):
            return made
        missing |= made
        if missing == known:
            break
    # Raised here, not where the typesetter raised: its message quotes the text.
    raise ReportFailed(template)


def passages(text: str) -> list[dict[str, Any]]:
    """Split somebody's text into paragraphs for the templates: lines, and whether the script runs from the right."""
    blocks = re.split(r"\n(?:[ \t]*\n)+", text.replace("\r\n", "\n").replace("\r", "\n").strip("\n"))
    return [{"lines": block.split("\n"), "rtl": _runs_from_the_right(block)} for block in blocks if block.strip()]


def _compile(template: str, facts: Mapping[str, Any], at: datetime, embedded: str) -> bytes | set[str]:
    """Run the typesetter; returns the PDF, or the letters that it could not print (none where it failed otherwise)."""
    try:
        made: bytes = typst.compile(
            TEMPLATES / template,
            root=TEMPLATES,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"facts": json.dumps(facts), "embedded": embedded},
            pdf_standards=["ua-1", "a-3a"],
            # A PDF knows no part of a second, and the typesetter refuses one.
            timestamp=at.astimezone(UTC).replace(microsecond=0),
        )
    except typst.TypstError as error:
        return _letters_of(error)
    return made


def _letters_of(error: typst.TypstError) -> set[str]:
    """Collect the letters that the typesetter names as without a glyph."""
    texts = [_ESCAPED.sub(_unescape, quoted) for quoted in _UNPRINTABLE.findall(error.diagnostic)]
    return {letter for text in texts for letter in text if not letter.isascii()}


def _unescape(match: re.Match[str]) -> str:
    """Undo one escape of the typesetter's messages."""
    return chr(int(match[1], 16)) if match[1] else match[2]


@functools.cache
def _fonts() -> typst.Fonts:
    """Look the fonts up once: the typesetter's own first, the machine's for what those lack."""
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def _prepare(value: Any, missing: frozenset[str]) -> Any:
    """Take out of all texts what cannot or must not be printed."""
    if isinstance(value, str):
        return "".join(_printed(letter, missing) for letter in unicodedata.normalize("NFC", value))
    if isinstance(value, Mapping):
        return {key: _prepare(item, missing) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_prepare(item, missing) for item in value]
    return value  # a number or a truth value holds no letters


def _printed(letter: str, missing: frozenset[str]) -> str:
    """Tell what is printed for a letter.

    Control characters have no shape. Those that turn the direction of what follows could make a page say the contrary
    of what is stored, and are left out; the scripts that need them are laid out well without.
    """
    if letter in "\n\t":
        return letter
    category = unicodedata.category(letter)
    if category == "Cc" or letter in _DIRECTIONS:
        return ""
    if letter in missing or category in {"Cs", "Co", "Cn"}:
        return f"[U+{ord(letter):04X}]"
    return letter


def _runs_from_the_right(text: str) -> bool:
    """Tell whether the first letter with a direction runs from the right (Unicode's bidirectional algorithm, P2)."""
    for letter in text:
        direction = unicodedata.bidirectional(letter)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False
