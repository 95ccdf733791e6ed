"""Styles and scripts: read once, named by their content, kept by browsers for a year.

Nothing is looked up in a folder when a request comes: what may be served was listed at the start.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from transfer_service.web import access
from transfer_service.web.assets import VENDOR_FILES, read_vendor_file

OWN_FOLDER: Final = Path(__file__).parent / "static"
OWN_SUFFIXES: Final = frozenset({".css", ".js", ".mjs", ".svg", ".webmanifest"})
ENTRY: Final = "app.js"
IMPORTED: Final = re.compile(r'from "\./([a-z.-]+)"')
YEAR: Final = 365 * 24 * 60 * 60
blueprint = Blueprint("static_files", __name__)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, as it is and packed; `version` is the beginning of its SHA-256 in hexadecimal."""

    body: bytes
    packed: bytes
    media_type: str
    version: str


class StaticFiles:
    """Every file that may be served, by its name."""

    def __init__(self) -> None:
        """Read our own files and those of the front-end packages."""
        self._files: dict[str, StaticFile] = {}
        # The entry comes last: it imports the others, which import nobody.
        for name, body in sorted(_bodies(), key=lambda pair: pair[0] == ENTRY):
            own_body = _with_versions(body, self._files) if name == ENTRY else body
            self._files[name] = _file(name, own_body)

    def find(self, name: str) -> StaticFile | None:
        """The file of this name, or None."""
        return self._files.get(name)

    def address(self, name: str) -> str:
        """The address of a file, which changes with its content. Raises KeyError for a file that is not served."""
        return f"/static/{name}?v={self._files[name].version}"


@cache
def served_files() -> StaticFiles:
    """The files, read once for all applications of this process."""
    return StaticFiles()


@blueprint.get("/static/<name>")
@access.public("styles and scripts hold nothing about anybody")
def static(name: str) -> Response:
    """Serve one file; the address with its version may be kept for good."""
    found = served_files().find(name)
    if found is None:
        abort(HTTPStatus.NOT_FOUND)
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.body, content_type=found.media_type)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    named = request.args.get("v") == found.version
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if named else "public, no-cache"
    response.set_etag(found.version + ("-gz" if packed else ""))
    return response.make_conditional(request)


def _bodies() -> Iterator[tuple[str, bytes]]:
    for name in VENDOR_FILES:
        yield name, read_vendor_file(name)
    for path in sorted(OWN_FOLDER.iterdir()):
        if path.suffix in OWN_SUFFIXES:
            yield path.name, path.read_bytes()


def _with_versions(body: bytes, files: Mapping[str, StaticFile]) -> bytes:
    """Name the version of each module that a script imports, so that browsers keep those for good too."""

    def versioned(found: re.Match[str]) -> str:
        return f'from "./{found[1]}?v={files[found[1]].version}"'

    return IMPORTED.sub(versioned, body.decode()).encode()


def _file(name: str, body: bytes) -> StaticFile:
    guessed = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}
    media_type = guessed.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    return StaticFile(
        body=body,
        packed=gzip.compress(body, mtime=0),
        media_type=media_type,
        version=hashlib.sha256(body).hexdigest()[:16],
    )
