"""What makes a password acceptable, after NIST SP 800-63B-4: length, and neither common nor about oneself.

No rule asks for digits or signs, and none lets a password expire: both make people choose worse ones.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 256

# Shorter words occur inside good passwords by chance.
_SHORTEST_CONTEXT_WORD = 4

_BETWEEN_PARTS = re.compile(r"[@.\-_'’+/,()\s]+")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
# What people write in the place of a letter; words and passwords are folded alike, so that l and i may be one.
_LOOKS_LIKE = {
    "0": "o", "1": "i", "!": "i", "|": "i", "l": "i", "3": "e", "4": "a", "@": "a", "5": "s", "$": "s", "7": "t",
    "8": "b",
}  # fmt: skip

SERVICE_WORDS = ("pupil transfer", "transfer service", "safeguarding")


class PasswordProblem(StrEnum):
    """Why a password is not accepted."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    REPEATED = "repeated"
    CONTEXT = "context"
    COMMON = "common"


PASSWORD_PROBLEM_SENTENCES = {
    PasswordProblem.TOO_SHORT: f"Password must have {MINIMUM_LENGTH} characters or more",
    PasswordProblem.TOO_LONG: f"Password must have {MAXIMUM_LENGTH} characters or fewer",
    PasswordProblem.REPEATED: "Password must not be one character or a short group repeated",
    PasswordProblem.CONTEXT: "Password must not be made of your name, your email address or your school’s name",
    PasswordProblem.COMMON: "Password is too easy to guess. Three unrelated words make a good one",
}


def normalise_password(password: str) -> str:
    """Return the form that is hashed, alike from every keyboard (Unicode NFKC, SP 800-63B-4 section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def judge_password(
    password: str, *, is_common: Callable[[str], bool], context_words: Iterable[str] = ()
) -> PasswordProblem | None:
    """Return why the password is not acceptable, or None if it is.

    `is_common` is asked with the normalised password last, because it may be slow. `context_words` are the person's
    name and address and the organisation's name: a password that is little more than these, in any order, with signs
    in the place of letters or a year added, is refused (SP 800-63B-4, section 3.1.1.2: context-specific words and
    what derives from them; the password as a whole is judged, never one part of a longer one).
    """
    tidy = normalise_password(password)
    if len(tidy) < MINIMUM_LENGTH:
        return PasswordProblem.TOO_SHORT
    if len(tidy) > MAXIMUM_LENGTH:
        return PasswordProblem.TOO_LONG
    if _is_repetition(tidy):
        return PasswordProblem.REPEATED
    parts = _parts((*context_words, *SERVICE_WORDS))
    if any(_is_little_more_than(_fold(tidy, with_signs=signs), parts) for signs in (False, True)):
        return PasswordProblem.CONTEXT
    return PasswordProblem.COMMON if is_common(tidy) else None


def _is_repetition(text: str) -> bool:
    """Whether the text is a group of at most four characters over and over."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _fold(text: str, *, with_signs: bool = False) -> list[tuple[str, str]]:
    """Return each letter and digit beside what it is compared as: without accents, `0` as `o`.

    A sign stands between words, or `with_signs` in the place of a letter, as `@` does for `a`.
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    signs = _LOOKS_LIKE if with_signs else ()
    return [(char, _LOOKS_LIKE.get(char, char)) for char in plain if char.isalnum() or char in signs]


def _parts(words: Iterable[str]) -> list[str]:
    """Fold words for comparing, and take the parts of addresses and of names of several words too; longest first."""
    folded: set[str] = set()
    for word in words:
        pieces = _BETWEEN_PARTS.sub(" ", word).split()
        folded.update("".join(alike for _, alike in _fold(piece)) for piece in (*pieces, "".join(pieces)))
    return sorted((word for word in folded if len(word) >= _SHORTEST_CONTEXT_WORD), key=lambda word: (-len(word), word))


def _is_little_more_than(pairs: list[tuple[str, str]], words: list[str]) -> bool:
    """Whether taking out every one of the words, and years, leaves fewer characters than half of the minimum."""
    text = "".join(alike for _, alike in pairs)
    taken = [False] * len(pairs)
    for word in words:
        start = text.find(word)
        while start >= 0:
            taken[start : start + len(word)] = [True] * len(word)
            start = text.find(word, start + 1)
    rest = "".join(char for (char, _), out in zip(pairs, taken, strict=True) if char.isalnum() and not out)
    return any(taken) and len(_YEAR.sub("", rest)) < MINIMUM_LENGTH // 2
