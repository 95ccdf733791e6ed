"""Uploaded files as they arrive: part after part, chunk after chunk, never spooled to a file in clear.

Werkzeug's own form parser puts a large file into a temporary file before the view runs. Here its decoder is fed by
hand, so that each chunk goes from the socket to whoever seals it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from flask import Flask, Request, current_app, g, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData
from werkzeug.wrappers import Response

from transfer_service.web.guard import current_access

READ_AT_ONCE = 64 * 1024
MOST_PARTS = 50
LARGEST_HEADERS = 1024 * 1024
MOST_READ_PAST = 1024 * 1024 * 1024
"""Bytes of an upload that are read and dropped once its answer is known; a proxy lets no more through."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """One file on its way: the name that the browser gives it, and its bytes, to be read once and before the next."""

    name: str = field(repr=False)
    chunks: Iterator[bytes]


def register_uploads(app: Flask) -> None:
    """Read past what is left of an upload before it is answered."""
    app.after_request(_read_past)


def arriving_files(request: Request, field_name: str) -> Iterator[Arriving]:
    """The files of one field of a posted form, in order; what is left unread of one is skipped.

    An input that was left empty counts as no file. Raises BadRequest where the body is not a form, and the 413 of
    `request.max_content_length` where it is too long.
    """
    boundary = request.mimetype_params.get("boundary")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise UnsupportedMediaType
    events = _events(request, MultipartDecoder(boundary.encode(), LARGEST_HEADERS, max_parts=MOST_PARTS))
    for event in events:
        if not isinstance(event, File):
            continue
        chunks = _chunks(events)
        if event.name == field_name and event.filename:
            yield Arriving(event.filename, chunks)
        for _ in chunks:
            pass  # whoever was given the file may have refused it half way


def name_files(request: Request) -> tuple[str, ...]:
    """The names of the files of a posted form, whose bytes are read past and kept nowhere; none where it is no form."""
    boundary = request.mimetype_params.get("boundary")
    if request.mimetype != "multipart/form-data" or not boundary:
        return ()
    found: list[str] = []
    try:
        events = _events(request, MultipartDecoder(boundary.encode(), LARGEST_HEADERS, max_parts=MOST_PARTS))
        found.extend(event.filename for event in events if isinstance(event, File) and event.filename)
    except HTTPException:
        return tuple(found)  # too long, or broken off: those that came are named
    return tuple(found)


def _chunks(events: Iterator[object]) -> Iterator[bytes]:
    for event in events:
        if not isinstance(event, Data):
            raise BadRequest
        if event.data:
            yield event.data
        if not event.more_data:
            return


def _events(request: Request, decoder: MultipartDecoder) -> Iterator[File | Field | Data]:
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(request.stream.read(READ_AT_ONCE) or None)
            elif isinstance(event, Epilogue):
                return
            elif isinstance(event, File | Field | Data):
                yield event
    except ValueError:
        # A body that breaks off in the middle, as when somebody closes the page.
        raise BadRequest from None


def _read_past(response: Response) -> Response:
    """Take in the rest of a signed-in person's upload that was refused half way, and keep none of it.

    A server that answers and hangs up while a browser still sends makes it lose the answer with the connection, and a
    proxy say that the service is away. Strangers and forged forms are hung up on: they could hold a thread for long.
    """
    access = current_access(current_app)
    if access is None or not access.streamed or g.get("actor") is None or not g.get("token_fits"):
        return response
    try:
        left = (request.content_length or 0) - request.stream.tell()
    except RequestEntityTooLarge:
        left = request.content_length or 0
    source = request.environ["wsgi.input"]
    while 0 < left <= MOST_READ_PAST and (chunk := source.read(min(left, READ_AT_ONCE))):
        left -= len(chunk)
    return response
