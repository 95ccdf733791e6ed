"""Small requests to a log or a witness over HTTP, with nothing but the standard library."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 20
LARGEST_ANSWER: Final = 64 * 1024


class WebRefused(Exception):
    """The other side cannot be reached or does not do what was asked; `sentence` is for people, `status` may be 0."""

    def __init__(self, sentence: str, *, status: int = 0, body: bytes = b"") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.body = body


def fetch(url: str, *, limit: int = LARGEST_ANSWER) -> bytes:
    """Fetch an address; raises WebRefused, also for an answer of more than `limit` bytes."""
    return _ask(urllib.request.Request(_checked(url)), limit)  # noqa: S310 -- the scheme is checked


def post(url: str, body: bytes) -> bytes:
    """Post bytes and return the answer; raises WebRefused."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return _ask(
        urllib.request.Request(_checked(url), data=body, headers=headers, method="POST"),  # noqa: S310 -- as above
        LARGEST_ANSWER,
    )


def _ask(request: urllib.request.Request, limit: int) -> bytes:
    where = urlsplit(request.full_url).netloc
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 -- as above
            body: bytes = answer.read(limit + 1)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(LARGEST_ANSWER)
        first = said.decode("utf-8", "replace").strip().split("\n")[0][:300] if error.code < 500 else ""
        clean = "".join(letter if letter.isprintable() else "?" for letter in first)
        sentence = f"{where} refused with {error.code}. {clean}".strip()
        raise WebRefused(sentence, status=error.code, body=said) from error
    except (OSError, http.client.HTTPException) as error:
        raise WebRefused(f"{where} cannot be reached. Check the address and the network, and try again.") from error
    if len(body) > limit:
        raise WebRefused(f"{where} answered with more than {limit} bytes, which is not what was asked for.")
    return body


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise WebRefused("Write the whole address of the log, such as https://transfer.example.org/log.")
    return url
