"""Small papers to attach: a real PDF and a real picture, made here from nothing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence


def make_pdf(*lines: str) -> bytes:
    """Return a PDF of one A4 page with these lines in ASCII."""
    shown = " ".join(f"({_escape(line)}) '" for line in lines)
    text = f"BT /F1 12 Tf 16 TL 72 770 Td {shown} ET".encode("ascii")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 %s >> >> >>"
        % font,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    )
    return _with_table(parts)


def make_picture(width: int = 240, height: int = 160) -> bytes:
    """Return a PNG that fades from one corner to the other."""
    rows = b"".join(
        b"\x00" + bytes((x * 255 // width + y * 255 // height) // 2 for x in range(width)) for y in range(height)
    )
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _with_table(parts: Sequence[bytes]) -> bytes:
    """Number the objects and write the table of where each begins."""
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return body + b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        len(body),
    )


def _escape(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
