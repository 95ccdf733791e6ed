"""Tables as files for spreadsheets: CSV and XLSX. A cell that a spreadsheet would run as a formula is kept as text."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from openpyxl import Workbook

Cell = str | int | date | None

CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FORMULA_STARTS: Final = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""The last four are the wide ones of East Asian keyboards, which some spreadsheets take for the others."""
_NOT_IN_A_CELL: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
"""Control characters that a workbook cannot hold; a register may bring one in a school's name."""
_LONGEST_TITLE: Final = 31
"""Characters of a sheet's name that every spreadsheet takes."""


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table as CSV in UTF-8 with a byte order mark, which spreadsheets need to read accents; dates as ISO."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def write_xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table as one sheet of a workbook; numbers and dates keep their kind."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:_LONGEST_TITLE])
    sheet.append(list(headings))
    for row in rows:
        sheet.append([_safe(cell) if isinstance(cell, str) else cell for cell in row])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    return _safe(cell) if isinstance(cell, str) else str(cell)


def _safe(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula (OWASP, "CSV injection")."""
    clean = text.translate(_NOT_IN_A_CELL)
    return f"'{clean}" if clean.startswith(_FORMULA_STARTS) else clean
