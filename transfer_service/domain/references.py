"""References that people say aloud: PT-7F3K-92Q4, in Crockford's base 32 with a check character.

Seven characters carry 35 random bits; the eighth is Crockford's check symbol, the value modulo 37. Values whose symbol
would be one of the five signs beyond the alphabet are stepped over, so that a reference needs no sign that an address
would have to escape. A mistyped character and two swapped neighbours are always found.
"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "PT"
RANDOM_BYTES = 5

_BITS = 35
_MODULUS = 37
_AS_READ = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, "\u2010": None, "\u2011": None, "\u2013": None})


def make_reference(random_bytes: bytes) -> str:
    """Return the reference for five random bytes (the lowest 35 bits count); raises ValueError for another length."""
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"A reference is made from {RANDOM_BYTES} random bytes.")
    value = int.from_bytes(random_bytes, "big") % (1 << _BITS)
    while value % _MODULUS >= len(ALPHABET):
        value = (value + 1) % (1 << _BITS)
    digits = "".join(ALPHABET[(value >> shift) & 31] for shift in range(_BITS - 5, -1, -5))
    text = digits + ALPHABET[value % _MODULUS]
    return f"{PREFIX}-{text[:4]}-{text[4:]}"


def parse_reference(text: str) -> str | None:
    """Return the reference as it is written properly, or None if it is none.

    Case, spaces, hyphens and the leading PT do not matter, and O is read as 0, I and L as 1, as Crockford has it.
    """
    tidy = "".join(text.upper().split()).translate(_AS_READ)
    if len(tidy) == 8 + len(PREFIX):
        if not tidy.startswith(PREFIX):
            return None
        tidy = tidy[len(PREFIX) :]
    if len(tidy) != 8 or not set(tidy) <= set(ALPHABET):
        return None
    value = 0
    for character in tidy[:7]:
        value = value * 32 + ALPHABET.index(character)
    if value % _MODULUS != ALPHABET.index(tidy[7]):
        return None
    return f"{PREFIX}-{tidy[:4]}-{tidy[4:]}"
