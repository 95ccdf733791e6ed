"""Which files are taken as attachments, judged by name, first bytes and size."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from transfer_service.domain.notes import FILE_NAME_LIMIT, MAX_ATTACHMENT_BYTES

FIRST_BYTES = 4096
"""How much of the start of an upload `judge_upload` wants to see."""


class UploadProblem(StrEnum):
    """Why an upload is not taken."""

    NO_NAME = "no_name"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    KIND = "kind"
    DISGUISED = "disguised"
    MACROS = "macros"


UPLOAD_PROBLEM_SENTENCES: Mapping[UploadProblem, str] = MappingProxyType(
    {
        UploadProblem.NO_NAME: "Choose a file whose name has 1 to 200 characters",
        UploadProblem.EMPTY: "The file is empty. Choose another one",
        UploadProblem.TOO_LARGE: "The file is larger than 25 MB. Make it smaller or split it",
        UploadProblem.KIND: "The file must be a PDF, DOCX, ODT, JPEG, PNG, HEIC, TIFF, EML or MSG. Save it as one",
        UploadProblem.DISGUISED: "The file is not what its name says. Open it, save it again as a PDF, and choose that",
        UploadProblem.MACROS: "The file contains macros. Save it as a PDF or as a document without macros",
    }
)


@dataclass(frozen=True, slots=True)
class AcceptedUpload:
    """A file that is taken: its tidied name and the media type that its bytes show, never the one the browser sent."""

    name: str
    media_type: str

    def __repr__(self) -> str:
        """Leave the file's name out: names of files name pupils."""
        return f"AcceptedUpload(media_type={self.media_type!r})"


_PDF = "application/pdf"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ODT = "application/vnd.oasis.opendocument.text"
_MSG = "application/vnd.ms-outlook"

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "pdf": _PDF,
        "docx": _DOCX,
        "odt": _ODT,
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "png": "image/png",
        "heic": "image/heic",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "eml": "message/rfc822",
        "msg": _MSG,
    }
)

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
# RFC 5322, section 2.2: a name of printable letters without a space, then a colon.
_ANY_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_MAIL_HEADERS = re.compile(
    rb"^(received|from|to|cc|bcc|date|subject|message-id|return-path|mime-version|delivered-to|reply-to|sender|x-[a-z-]+|"
    rb"content-type|dkim-signature|authentication-results|thread-topic|thread-index)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


def tidy_file_name(name: str) -> str:
    """Return the last part of a path, without control and direction characters, and at most 200 characters long.

    A long name keeps its extension. The name is shown again only after the item is opened.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = " ".join("".join(c for c in last if c.isprintable() and c not in _DIRECTION_MARKS).split())
    if len(clean) <= FILE_NAME_LIMIT:
        return clean
    stem, dot, extension = clean.rpartition(".")
    if not dot or len(extension) > 10:
        return clean[:FILE_NAME_LIMIT]
    return stem[: FILE_NAME_LIMIT - len(extension) - 1] + dot + extension


# Direction overrides let "exe.gpj" read as "jpg.exe"; U+200E and U+200F are harmless but invisible.
_DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def judge_upload(
    name: str, first_bytes: bytes, size: int | None, *, limit: int = MAX_ATTACHMENT_BYTES
) -> AcceptedUpload | UploadProblem:
    """Say whether a file is taken, from its name, its first 4096 bytes and its size in bytes (None: not known yet).

    The extension says what it should be and the bytes must agree. DOCX and ODT are both ZIP files, told apart by what
    their first entries are called.
    """
    tidy = tidy_file_name(name)
    if not tidy or tidy.startswith(".") or not name.strip():
        return UploadProblem.NO_NAME
    if not first_bytes or size == 0:
        return UploadProblem.EMPTY
    if size is not None and size > limit:
        return UploadProblem.TOO_LARGE
    extension = tidy.rpartition(".")[2].lower() if "." in tidy else ""
    if extension in ("docm", "dotm"):
        return UploadProblem.MACROS
    expected = MEDIA_TYPES.get(extension)
    if expected is None:
        return UploadProblem.KIND
    found = sniff(first_bytes)
    if expected == "message/rfc822":
        return AcceptedUpload(tidy, expected) if found is None and _looks_like_mail(first_bytes) else _DISGUISED
    return AcceptedUpload(tidy, expected) if found == expected else _DISGUISED


_DISGUISED = UploadProblem.DISGUISED


def sniff(first_bytes: bytes) -> str | None:
    """Return the media type that the first bytes show, or None where they show none of the accepted binary kinds."""
    if first_bytes.startswith(b"%PDF-"):
        return _PDF
    if first_bytes.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if first_bytes.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if first_bytes.startswith((b"II*\x00", b"MM\x00*")):
        return "image/tiff"
    if first_bytes[4:8] == b"ftyp" and first_bytes[8:12] in _HEIC_BRANDS:
        return "image/heic"
    if first_bytes.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _MSG
    return _sniff_zip(first_bytes) if first_bytes.startswith(b"PK\x03\x04") else None


def _sniff_zip(first_bytes: bytes) -> str | None:
    """Tell word-processing files by their entries: ODT stores its media type first, DOCX has its parts under word/."""
    name_length = int.from_bytes(first_bytes[26:28], "little")
    extra_length = int.from_bytes(first_bytes[28:30], "little")
    if first_bytes[30 : 30 + name_length] == b"mimetype":
        start = 30 + name_length + extra_length
        stored = _ODT.encode()
        # A template's type begins with the same words, so the next entry must follow at once.
        return _ODT if first_bytes[start:].startswith(stored + b"PK") else None
    names = [
        first_bytes[at + 30 : at + 30 + int.from_bytes(first_bytes[at + 26 : at + 28], "little")]
        for at in (match.start() for match in re.finditer(rb"PK\x03\x04", first_bytes))
    ]
    if any(name.startswith((b"xl/", b"ppt/", b"visio/")) or name.endswith(b"vbaProject.bin") for name in names):
        return None
    is_office = any(name == b"[Content_Types].xml" or name.startswith((b"_rels/", b"docProps/")) for name in names)
    return _DOCX if is_office or any(name.startswith(b"word/") for name in names) else None


def _looks_like_mail(first_bytes: bytes) -> bool:
    """Whether the text starts with a header of a message (RFC 5322), and one that every mail program writes follows.

    Some servers put their own headers first, such as ARC-Seal; a page or a script does not begin like this.
    """
    text = first_bytes.lstrip(b"\xef\xbb\xbf\r\n")
    head = re.split(rb"\r?\n\r?\n", text, maxsplit=1)[0]
    return _ANY_HEADER.match(head) is not None and _MAIL_HEADERS.search(head) is not None
