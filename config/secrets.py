"""Secret text that cannot be printed by accident."""

from __future__ import annotations

import hmac


class Secret:
    """Text that shows itself only where someone asks for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold `text`."""
        self._text = text

    def reveal(self) -> str:
        """Give the text; the one place where a secret leaves its wrapping."""
        return self._text

    def __repr__(self) -> str:
        """Say that there is a secret, and nothing of it."""
        return "<secret>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """Hash as the text does, so that equal secrets are found."""
        return hash(self._text)

    def __reduce__(self) -> str:
        """Refuse to be pickled: a pickle would hold the text."""
        raise TypeError("a secret is not written out; pass it on in memory")
