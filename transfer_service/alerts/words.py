"""What the words of one kind of mail are made of; `wording` has them all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one kind of alert.

    `one` and `many` are sentences without their full stop, which are the subject too; `{reference}` and `{count}` are
    filled in. `meaning` says what it means and what to do; there `{It}` is filled in with "It" or "Each", and `{it}`
    with "it" or "them".
    """

    one: str
    many: str
    meaning: tuple[str, ...]


def transfers(one: str, many: str, *meaning: str) -> Wording:
    """Word an alert that concerns one transfer or several."""
    return Wording(one=one, many=many, meaning=meaning)


def single(sentence: str, *meaning: str) -> Wording:
    """Word an alert that concerns no transfer."""
    return Wording(one=sentence, many=sentence, meaning=meaning)
