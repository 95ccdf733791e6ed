"""The peppers: secrets outside the database without which no stolen password hash can be guessed at.

Apart from `unlock`, so that what checks that a pepper is present need not be able to unlock anything.
"""

from typing import Self

from transfer_service.crypto.errors import UnknownKey
from transfer_service.crypto.key_texts import parse_keys


class PepperSet:
    """The peppers by number; the first in the setting goes into new passwords."""

    __slots__ = ("_peppers", "primary_id")

    def __init__(self, peppers: dict[int, bytes]) -> None:
        """Take numbered 32-byte peppers, the primary one first."""
        self._peppers = dict(peppers)
        self.primary_id = next(iter(peppers))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the setting `1:base64,…`; raises MalformedText or WrongLength."""
        return cls(parse_keys(text, setting="PEPPERS"))

    @property
    def ids(self) -> frozenset[int]:
        """Return the numbers of all peppers that are present."""
        return frozenset(self._peppers)

    def get_pepper(self, pepper_id: int) -> bytes:
        """Return one pepper; raises UnknownKey."""
        try:
            return self._peppers[pepper_id]
        except KeyError:
            raise UnknownKey(
                f"Pepper {pepper_id} is not in PEPPERS. Put it back, or use a recovery code, which needs none."
            ) from None

    def __repr__(self) -> str:
        """Show the numbers only."""
        return f"PepperSet(ids={sorted(self._peppers)})"
