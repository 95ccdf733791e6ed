"""The whole file as one ZIP: the notes, the original documents and the list of contents, named by the reference."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_NAME_BYTES = 120

# What Windows keeps for devices, whatever the ending; a file of that name could not be unpacked there.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Original:
    """One original document: the name that it was given and its bytes."""

    name: str
    data: bytes


def archive_name(reference: str) -> str:
    """Tell the name of the ZIP: the reference, and nothing about the pupil."""
    return f"{reference}.zip"


def build_archive(
    *,
    reference: str,
    notes_pdf: bytes,
    notes_text: str,
    originals: Sequence[Original],
    manifest_text: str,
    proofs: Sequence[Original] = (),
) -> bytes:
    """Make the ZIP; everything lies in one folder named by the reference, original documents in `originals` below it.

    Names that could not be unpacked everywhere are changed and listed in `file-names.txt`. The same contents make the
    same bytes: no entry says when it was packed.
    """
    names = safe_names(original.name for original in originals)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        _add(archive, f"{reference}/safeguarding-file.pdf", notes_pdf)
        _add(archive, f"{reference}/safeguarding-file.txt", _as_text(notes_text))
        _add(archive, f"{reference}/contents.txt", _as_text(manifest_text))
        changed = [
            (original.name, name) for original, name in zip(originals, names, strict=True) if original.name != name
        ]
        if changed:
            _add(archive, f"{reference}/file-names.txt", _as_text(_note_on_names(changed)))
        for original, name in zip(originals, names, strict=True):
            _add(archive, f"{reference}/originals/{name}", original.data)
        for proof, name in zip(proofs, safe_names(proof.name for proof in proofs), strict=True):
            _add(archive, f"{reference}/receipts/{name}", proof.data)
    return target.getvalue()


def safe_names(names: Iterable[str]) -> list[str]:
    """Make names that can be unpacked everywhere, in order, none like another on a system that ignores case."""
    taken: set[str] = set()
    safe = []
    for name in names:
        wanted = safe_name(name)
        stem, dot, ending = _split(wanted)
        number = 1
        while wanted.casefold() in taken:
            number += 1
            wanted = f"{stem} ({number}){dot}{ending}"
        taken.add(wanted.casefold())
        safe.append(wanted)
    return safe


def safe_name(name: str) -> str:
    """Make one name that stays in its folder and means the same on every system.

    Folders before the name, characters without a shape (which could hide an ending by turning the direction of the
    text), what Windows forbids, and dots and spaces at either end are taken away; long names are cut before their
    ending.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shaped = "".join(letter for letter in last if unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    tidy = re.sub(r"\s+", " ", _FORBIDDEN.sub("-", shaped)).strip(" .")
    if not tidy:
        return "unnamed"
    stem, dot, ending = _split(tidy)
    if stem.casefold().split(".")[0].rstrip() in _DEVICES:
        stem = f"_{stem}"
    room = LONGEST_NAME_BYTES - len(f"{dot}{ending}".encode())
    return f"{_cut(stem, room)}{dot}{ending}"


def _split(name: str) -> tuple[str, str, str]:
    """Split a name before its ending; what is longer than an ending ever is belongs to the name."""
    stem, dot, ending = name.rpartition(".")
    if stem and 0 < len(ending.encode()) <= 10:
        return stem, dot, ending
    return name, "", ""


def _cut(text: str, room: int) -> str:
    """Cut a text to so many bytes of UTF-8 without cutting a letter, and without leaving a space or dot at its end."""
    return text.encode()[:room].decode(errors="ignore").rstrip(" .")


def _note_on_names(changed: Sequence[tuple[str, str]]) -> str:
    """Say which names were changed, and why."""
    lines = [
        "These documents had names that cannot be used on every computer, or that another document had too.",
        "Their contents are unchanged.",
        "",
    ]
    for before, after in changed:
        shown = "".join(letter if letter.isprintable() else f"[U+{ord(letter):04X}]" for letter in before)
        lines.append(f"{after}\n    was: {shown}")
    return "\n".join(lines) + "\n"


def _as_text(text: str) -> bytes:
    """Write text so that every system's simplest editor shows it: UTF-8 with a mark, lines ended as Windows does."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8-sig")


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add one file that only its owner may read once unpacked, without a time of its own."""
    entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
    entry.create_system = 3  # Unix, whatever this machine is: else the same contents would make other bytes elsewhere
    entry.external_attr = 0o100600 << 16
    # Documents and pictures are compressed already.
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".txt") else zipfile.ZIP_STORED
    archive.writestr(entry, data)
