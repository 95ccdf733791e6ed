"""How names are folded so that a search box finds them however they are typed."""

import re
import unicodedata

_APOSTROPHES = re.compile(r"['’‘`´]")
_WORD = re.compile(r"[a-z0-9]+")

# 1,900 schools of England are St somebody, and people write it both ways.
_SAME_WORD = {"saint": "st", "saints": "st"}


def fold_for_search(text: str) -> str:
    """Return a text's words in lower-case ASCII with single spaces: `St. Ann’s & Co` is `st anns and co`.

    What is stored and what is typed go through this one function, so that they compare.
    """
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text).replace("&", " and ")).casefold()
    without_marks = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(_SAME_WORD.get(word, word) for word in _WORD.findall(without_marks))
