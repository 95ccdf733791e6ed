"""What makes a password acceptable, after NIST SP 800-63B: length, and neither common nor about oneself.

No rule asks for digits or signs, and none lets a password expire: both make people choose worse ones.
"""

import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 256

# Shorter words occur inside good passwords by chance.
_SHORTEST_CONTEXT_WORD = 4

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
    PasswordProblem.CONTEXT: "Password must not be made of your name, your email address or your school's name",
    PasswordProblem.COMMON: "Password is too easy to guess. Three unrelated words make a good one",
}


def normalise_password(password: str) -> str:
    """Return the form that is hashed, alike from every keyboard (Unicode NFKC, SP 800-63B section 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def judge_password(
    password: str, *, is_common: Callable[[str], bool], context_words: Iterable[str] = ()
) -> PasswordProblem | None:
    """Return why the password is not acceptable, or None if it is.

    `is_common` is asked with the normalised password last, because it may be slow. `context_words` are the person's
    name and address and the organisation's name: a password that is little more than one of them is refused.
    """
    tidy = normalise_password(password)
    if len(tidy) < MINIMUM_LENGTH:
        return PasswordProblem.TOO_SHORT
    if len(tidy) > MAXIMUM_LENGTH:
        return PasswordProblem.TOO_LONG
    if _is_repetition(tidy):
        return PasswordProblem.REPEATED
    if any(_is_little_more_than(tidy, word) for word in _parts((*context_words, *SERVICE_WORDS))):
        return PasswordProblem.CONTEXT
    return PasswordProblem.COMMON if is_common(tidy) else None


def _is_repetition(text: str) -> bool:
    """Whether the text is a group of at most four characters over and over."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _parts(words: Iterable[str]) -> set[str]:
    """Fold words for comparing, and take the parts of addresses and of names of several words too."""
    folded: set[str] = set()
    for word in words:
        lower = word.casefold()
        pieces = lower.replace("@", " ").replace(".", " ").replace("-", " ").split()
        folded.update((*pieces, "".join(pieces)))
    return {word for word in folded if len(word) >= _SHORTEST_CONTEXT_WORD}


def _is_little_more_than(password: str, word: str) -> bool:
    """Whether taking the word out, however often, leaves fewer characters than half of the minimum."""
    lower = password.casefold()
    bare = "".join(character for character in lower if character.isalnum())
    return word in bare and len(bare.replace(word, "")) < MINIMUM_LENGTH // 2
