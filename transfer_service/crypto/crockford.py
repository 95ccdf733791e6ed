"""Crockford's base32: codes that people write down and type, read tolerantly.

Source of the alphabet: https://www.crockford.com/base32.html. It leaves out I, L, O and U, because they are taken
for others; where they are typed all the same, they stand for what they were taken for.
"""

from __future__ import annotations

from typing import Final

from transfer_service.crypto.errors import MalformedText

BITS_A_LETTER: Final = 5
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Hyphens and dashes: word processors and telephones make long ones of the short.
_TIDIED: Final = str.maketrans("OILU", "011V", "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212")


def tidy_letters(typed: str) -> str:
    """Return what was typed in capitals, without gaps and hyphens, with O, I, L and U as 0, 1, 1 and V."""
    return "".join(typed.upper().split()).translate(_TIDIED)


def encode_number(number: int, *, letters: int) -> str:
    """Write a number that is not negative with so many letters, five bits each, the highest first."""
    shifts = range((letters - 1) * BITS_A_LETTER, -1, -BITS_A_LETTER)
    return "".join(_ALPHABET[number >> shift & 31] for shift in shifts)


def decode_number(letters: str) -> int:
    """Read tidy letters as a number; raises MalformedText for any that is not of the alphabet."""
    number = 0
    for letter in letters:
        value = _ALPHABET.find(letter)
        if value < 0:
            raise MalformedText("A code has only letters and digits. Leave out anything else.")
        number = number << BITS_A_LETTER | value
    return number
