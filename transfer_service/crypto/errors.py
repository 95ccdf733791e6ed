"""What can go wrong with keys and bytes, as one family of exceptions.

Texts hold no secret, no plaintext and no name: they may reach a log line or a page as they are.
"""


class CryptoError(Exception):
    """Anything that goes wrong with a key, a format or a signature."""


class MalformedText(CryptoError):
    """A key, code or parameter string that is not written in the form it should have."""


class MalformedBytes(CryptoError):
    """Encoded bytes that do not follow their format, or a value that does not fit into it."""


class WrongLength(CryptoError):
    """A key, fingerprint or other value of fixed size that has another size."""


class UnknownSuite(CryptoError):
    """A suite number that this version does not use for new or stored keys."""


class UnknownKey(CryptoError):
    """A key id that is in none of the settings, so that what it sealed cannot be opened here."""


class WeakParameters(CryptoError):
    """Key derivation parameters below the floor: somebody made guessing cheaper."""


class CannotOpen(CryptoError):
    """Something sealed that did not open.

    `reason` is one word for machines, `str()` a sentence for people.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        """Keep the machine-readable reason beside the sentence."""
        super().__init__(sentence)
        self.reason = reason


class Mismatch(CannotOpen):
    """Something opened or was read, and it is not what the manifest, the log or the settings say."""
