"""Tables for spreadsheets: accents survive, numbers stay numbers, and nothing runs as a formula."""

import io
from datetime import date

import pytest
from openpyxl import load_workbook

from transfer_service.interchange.writing_tables import write_csv, write_xlsx

HEADINGS = ("Name", "Count", "Day")


def test_csv_has_a_byte_order_mark_quotes_and_iso_dates():
    body = write_csv(HEADINGS, [("Zoë, “A”", 3, date(2026, 9, 3)), (None, 0, None)])
    assert body == '\ufeffName,Count,Day\r\n"Zoë, “A”",3,2026-09-03\r\n,0,\r\n'.encode()


def test_a_workbook_keeps_numbers_and_dates():
    book = load_workbook(
        io.BytesIO(write_xlsx("A title that is longer than a sheet may have", HEADINGS, [("Zoë", 3, date(2026, 9, 3))]))
    )
    sheet = book.active
    assert len(sheet.title) == 31
    row = [cell.value for cell in list(sheet.rows)[1]]
    assert row[:2] == ["Zoë", 3]
    assert row[2].date() == date(2026, 9, 3)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff20SUM(A1)", "\uff0b1", "\uff0d1"],
)
def test_what_a_spreadsheet_would_run_is_kept_as_text(text):
    line = write_csv(("A", "B", "C"), [(text, 1, None)]).decode("utf-8-sig")
    assert f"'{text}" in line
    sheet = load_workbook(io.BytesIO(write_xlsx("T", HEADINGS, [(text, 1, None)]))).active
    assert str(list(sheet.rows)[1][0].value).startswith("'")


def test_a_control_character_that_no_workbook_holds_is_left_out():
    name = "St\x00\x0b Ann\x1b’s\x08 School"
    assert "St Ann’s School" in write_csv(HEADINGS, [(name, 1, None)]).decode()
    sheet = load_workbook(io.BytesIO(write_xlsx("T", HEADINGS, [(name, 1, None), ("\x0b=1+1", 2, None)]))).active
    assert [row[0].value for row in sheet.rows] == ["Name", "St Ann’s School", "'=1+1"]
